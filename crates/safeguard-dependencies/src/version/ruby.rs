//! Versions of gems, as `Gem::Version` compares them: parts of letters come before the release that they lead to.

use std::cmp::Ordering;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Word(String),
    /// Without leading zeros, so that longer is larger.
    Number(String),
}

impl Version {
    pub fn read(text: &str) -> Option<Version> {
        let text = text.replace('-', ".pre.");
        if !text.starts_with(|char: char| char.is_ascii_digit()) {
            return None;
        }
        let mut parts = Vec::new();
        for segment in text.split('.') {
            if segment.is_empty() || !segment.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return None;
            }
            let mut rest = segment;
            while let Some(first) = rest.chars().next() {
                let digits = first.is_ascii_digit();
                let end = rest
                    .find(|char: char| char.is_ascii_digit() != digits)
                    .unwrap_or(rest.len());
                let (part, after) = rest.split_at(end);
                parts.push(if digits {
                    Part::Number(part.trim_start_matches('0').to_owned())
                } else {
                    Part::Word(part.to_owned())
                });
                rest = after;
            }
        }
        let zero = Part::Number(String::new());
        while parts.last() == Some(&zero) {
            parts.pop();
        }
        Some(Version(parts))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Version) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Version) -> Ordering {
        let zero = Part::Number(String::new());
        let longest = self.0.len().max(other.0.len());
        (0..longest)
            .map(|at| compare(self.0.get(at).unwrap_or(&zero), other.0.get(at).unwrap_or(&zero)))
            .find(|order| *order != Ordering::Equal)
            .unwrap_or(Ordering::Equal)
    }
}

fn compare(left: &Part, right: &Part) -> Ordering {
    match (left, right) {
        (Part::Number(one), Part::Number(two)) => one.len().cmp(&two.len()).then_with(|| one.cmp(two)),
        (Part::Word(one), Part::Word(two)) => one.cmp(two),
        (Part::Word(_), Part::Number(_)) => Ordering::Less,
        (Part::Number(_), Part::Word(_)) => Ordering::Greater,
    }
}
