//! Versions of Composer's packages, as PHP's `version_compare` and Composer's normalisation order them.

use std::cmp::Ordering;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// A branch, `dev-main`, which comes before every version.
    branch: Option<String>,
    numbers: Vec<String>,
    stability: u8,
    count: String,
}

const STABLE: u8 = 4;

impl Version {
    pub fn read(text: &str) -> Option<Version> {
        let text = text.trim_start_matches(['v', 'V']).to_lowercase();
        if let Some(branch) = text.strip_prefix("dev-") {
            return Some(Version {
                branch: Some(branch.to_owned()),
                numbers: Vec::new(),
                stability: 0,
                count: String::new(),
            });
        }
        let text = text.split(['+', '@', '#']).next()?;
        let end = text
            .find(|char: char| !(char.is_ascii_digit() || char == '.'))
            .unwrap_or(text.len());
        let (core, rest) = text.split_at(end);
        let core = core.trim_end_matches('.');
        if core.is_empty() || core.split('.').any(str::is_empty) {
            return None;
        }
        let mut numbers: Vec<String> = core
            .split('.')
            .map(|number| number.trim_start_matches('0').to_owned())
            .collect();
        while numbers.last().is_some_and(String::is_empty) {
            numbers.pop();
        }
        let rest = rest.trim_start_matches(['-', '_', '.']);
        let letters = rest
            .find(|char: char| !char.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        let (word, count) = rest.split_at(letters);
        let stability = match word {
            "dev" | "x-dev" => 0,
            "alpha" | "a" => 1,
            "beta" | "b" => 2,
            "rc" | "c" => 3,
            "" | "stable" => STABLE,
            "patch" | "pl" | "p" => 5,
            _ => return None,
        };
        let count: String = count.chars().filter(char::is_ascii_digit).collect();
        Some(Version {
            branch: None,
            numbers,
            stability,
            count: count.trim_start_matches('0').to_owned(),
        })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Version) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Version) -> Ordering {
        match (&self.branch, &other.branch) {
            (Some(left), Some(right)) => return left.cmp(right),
            (Some(_), None) => return Ordering::Less,
            (None, Some(_)) => return Ordering::Greater,
            (None, None) => {}
        }
        let empty = String::new();
        let longest = self.numbers.len().max(other.numbers.len());
        let numbers = (0..longest)
            .map(|at| {
                let (left, right) = (
                    self.numbers.get(at).unwrap_or(&empty),
                    other.numbers.get(at).unwrap_or(&empty),
                );
                number(left, right)
            })
            .find(|order| *order != Ordering::Equal)
            .unwrap_or(Ordering::Equal);
        numbers
            .then(self.stability.cmp(&other.stability))
            .then_with(|| number(&self.count, &other.count))
    }
}

fn number(left: &str, right: &str) -> Ordering {
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}
