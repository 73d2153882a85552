//! Sets of line numbers, kept and written as ranges: `3 7-12 40`.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Line numbers that count from 1.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct LineSet {
    /// First and last of each; sorted, with a gap between any two.
    ranges: Vec<(u32, u32)>,
}

impl LineSet {
    /// Adds a line; quick if it lies behind all others.
    pub fn insert(&mut self, line: u32) {
        let after = self.ranges.partition_point(|(first, _)| *first <= line);
        let before = after.checked_sub(1);
        if before.is_some_and(|before| line <= self.ranges[before].1) {
            return;
        }
        let grows = before.filter(|before| self.ranges[*before].1.checked_add(1) == Some(line));
        let meets = self
            .ranges
            .get(after)
            .is_some_and(|(first, _)| line.checked_add(1) == Some(*first));
        match (grows, meets) {
            (Some(before), true) => {
                self.ranges[before].1 = self.ranges[after].1;
                self.ranges.remove(after);
            }
            (Some(before), false) => self.ranges[before].1 = line,
            (None, true) => self.ranges[after].0 = line,
            (None, false) => self.ranges.insert(after, (line, line)),
        }
    }

    #[must_use]
    pub fn contains(&self, line: u32) -> bool {
        self.meets(line, line)
    }

    /// Whether any line from `first` to `last` is in it.
    #[must_use]
    pub fn meets(&self, first: u32, last: u32) -> bool {
        let at = self.ranges.partition_point(|(_, end)| *end < first);
        self.ranges.get(at).is_some_and(|(begin, _)| *begin <= last)
    }

    /// How many lines.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.ranges
            .iter()
            .map(|(first, last)| u64::from(last - first) + 1)
            .sum()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many lines both have.
    #[must_use]
    pub fn common(&self, other: &LineSet) -> u64 {
        let (mut mine, mut theirs, mut common) = (0, 0, 0);
        while let (Some((a, b)), Some((c, d))) = (self.ranges.get(mine), other.ranges.get(theirs)) {
            let (first, last) = (*a.max(c), *b.min(d));
            if first <= last {
                common += u64::from(last - first) + 1;
            }
            if b <= d {
                mine += 1;
            } else {
                theirs += 1;
            }
        }
        common
    }

    /// Each line, in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.ranges.iter().flat_map(|(first, last)| *first..=*last)
    }

    #[must_use]
    pub fn last(&self) -> Option<u32> {
        self.ranges.last().map(|(_, last)| *last)
    }
}

impl FromIterator<u32> for LineSet {
    fn from_iter<I: IntoIterator<Item = u32>>(lines: I) -> LineSet {
        let mut set = LineSet::default();
        lines.into_iter().for_each(|line| set.insert(line));
        set
    }
}

impl fmt::Display for LineSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (first, last)) in self.ranges.iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            match first == last {
                true => write!(f, "{space}{first}")?,
                false => write!(f, "{space}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for LineSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{self}]")
    }
}

/// Says why a text is not a set of lines.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a set of lines, such as `3 7-12 40`, sorted and with gaps between ranges")]
pub struct LineSetError(String);

impl FromStr for LineSet {
    type Err = LineSetError;
    fn from_str(text: &str) -> Result<Self, LineSetError> {
        let refuse = || LineSetError(text.chars().take(40).collect());
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let (first, last) = word.split_once('-').unwrap_or((word, word));
            let (Ok(first), Ok(last)) = (first.parse::<u32>(), last.parse::<u32>()) else {
                return Err(refuse());
            };
            let behind = ranges
                .last()
                .is_none_or(|(_, end)| end.checked_add(1).is_some_and(|end| end < first));
            if first == 0 || last < first || !behind {
                return Err(refuse());
            }
            ranges.push((first, last));
        }
        Ok(LineSet { ranges })
    }
}

impl Serialize for LineSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LineSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for LineSet {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "LineSet".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "Line numbers and ranges of them, sorted, such as `3 7-12 40`.",
            "pattern": "^([0-9]+(-[0-9]+)?( [0-9]+(-[0-9]+)?)*)?$"
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set(
            lines in prop::collection::vec(1u32..40, 0..40),
            others in prop::collection::vec(1u32..40, 0..40),
            (first, length) in (1u32..40, 0u32..5),
        ) {
            let set: LineSet = lines.iter().copied().collect();
            let other: LineSet = others.iter().copied().collect();
            let (model, other_model) = (BTreeSet::from_iter(lines), BTreeSet::from_iter(others));
            prop_assert_eq!(set.len(), model.len() as u64);
            prop_assert_eq!(set.common(&other), model.intersection(&other_model).count() as u64);
            prop_assert_eq!(set.contains(first), model.contains(&first));
            let last = first + length;
            prop_assert_eq!(set.meets(first, last), model.range(first..=last).next().is_some());
            prop_assert_eq!(set.to_string().parse::<LineSet>().unwrap(), set);
        }
    }

    #[test]
    fn what_is_not_a_set_is_refused() {
        for wrong in [
            "0",
            "2-1",
            "1 2",
            "3 1",
            "-",
            "1-",
            "a",
            "1-4294967296",
            "4294967295 4294967295",
        ] {
            assert!(wrong.parse::<LineSet>().is_err(), "{wrong}");
        }
        assert_eq!(
            LineSet::from_iter([u32::MAX, u32::MAX - 1]).to_string(),
            "4294967294-4294967295"
        );
    }
}
