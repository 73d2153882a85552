//! Which lines of a file a change has written.

use std::ops::Range;

use similar::{Algorithm, capture_diff_slices};

/// Between what begins and ends alike, more lines than this on either side all count as written.
const COMPARED_LINES_MAX: usize = 5_000;

/// Lines of a file, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines(Vec<Range<usize>>);

impl Lines {
    pub fn all() -> Lines {
        Lines(std::iter::once(1..usize::MAX).collect())
    }

    /// Some lines; each range without its end.
    pub fn of(ranges: impl IntoIterator<Item = Range<usize>>) -> Lines {
        Lines(ranges.into_iter().collect())
    }

    /// The lines of `head` that `base` does not have; white space at their ends is not looked at.
    pub fn written(base: Option<&str>, head: &str) -> Lines {
        let Some(base) = base else {
            return Lines::all();
        };
        let split = |text: &'_ str| {
            text.lines()
                .map(|line| line.trim_end().to_owned())
                .collect::<Vec<_>>()
        };
        let (old, new) = (split(base), split(head));
        let shorter = old.len().min(new.len());
        let alike = |pair: &(&String, &String)| pair.0 == pair.1;
        let first = old.iter().zip(&new).take_while(alike).count();
        let last = old
            .iter()
            .rev()
            .zip(new.iter().rev())
            .take(shorter - first)
            .take_while(alike)
            .count();
        let (old, new) = (&old[first..old.len() - last], &new[first..new.len() - last]);
        if old.len().max(new.len()) > COMPARED_LINES_MAX {
            return Lines(std::iter::once(first + 1..first + 1 + new.len()).collect());
        }
        Lines(
            capture_diff_slices(Algorithm::Myers, old, new)
                .into_iter()
                .filter(|step| step.tag() != similar::DiffTag::Equal)
                .map(|step| step.new_range())
                .filter(|range| !range.is_empty())
                .map(|range| first + 1 + range.start..first + 1 + range.end)
                .collect(),
        )
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of the lines from `first` to `last` is among them.
    pub fn touch(&self, first: usize, last: usize) -> bool {
        self.0
            .iter()
            .any(|lines| lines.start <= last && first < lines.end)
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn what_was_written_is_told_by_lines() {
        let base = "a\nb\nc\nd\n";
        assert_eq!(Lines::written(Some(base), base), Lines::of([]));
        assert_eq!(
            Lines::written(Some(base), "a\nB\nc\nx\nd\n"),
            Lines::of([2..3, 4..5])
        );
        assert_eq!(Lines::written(Some(base), "a\nd\n"), Lines::of([]));
        assert_eq!(
            Lines::written(Some("a\r\nb\r\n"), "a\nb\nc\n"),
            Lines::of(std::iter::once(3..4))
        );
        assert_eq!(Lines::written(None, "a\n"), Lines::all());
    }

    #[test]
    fn a_file_that_is_other_altogether_is_compared_within_bounds() {
        let base: String = (0..40_000).map(|at| format!("{at}\n")).collect();
        let head: String = (0..40_000).map(|at| format!("x{at}\n")).collect();
        assert_eq!(
            Lines::written(Some(&base), &head),
            Lines::of(std::iter::once(1..40_001))
        );
    }
}
