//! What the standard libraries have; the texts are made by `tools/standard-names`.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

/// Names, each with a set of names: sorted lines, which are searched as they are. Reading them all would take longer than most files do.
pub struct Sets(&'static str);

/// Names with a space between each.
#[derive(Clone, Copy)]
pub struct Names(pub &'static str);

impl Sets {
    pub fn get(&self, name: &str) -> Option<Names> {
        let mut left = self.0;
        while !left.is_empty() {
            // The line that the middle is in.
            let middle = left.len() / 2;
            let (before, after) = left.as_bytes().split_at(middle);
            let begin = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
            let end = memchr::memchr(b'\n', after).map_or(left.len(), |at| middle + at);
            let line = left.get(begin..end)?;
            let (key, names) = line.split_once(' ').unwrap_or((line, ""));
            match name.cmp(key) {
                _ if key.is_empty() || key.starts_with('#') => left = left.get(end + 1..)?,
                Ordering::Equal => return Some(Names(names)),
                Ordering::Less => left = left.get(..begin)?,
                Ordering::Greater => left = left.get(end + 1..).unwrap_or(""),
            }
        }
        None
    }
}

impl Names {
    pub fn contains(self, name: &str) -> bool {
        !name.is_empty() && self.iter().any(|other| other == name)
    }

    pub fn iter(self) -> impl Iterator<Item = &'static str> {
        self.0.split(' ').filter(|name| !name.is_empty())
    }
}

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
}

fn pairs(text: &'static str) -> HashMap<&'static str, &'static str> {
    lines(text).filter_map(|line| line.split_once(' ')).collect()
}

/// By program and its command, with `/` between: all long options, also those that only later or earlier versions have.
pub static OPTIONS: Sets = Sets(include_str!("data/options.txt"));

/// By resource: all arguments and blocks.
pub static TERRAFORM: Sets = Sets(include_str!("data/terraform_arguments.txt"));

pub static PYTHON_MODULES: LazyLock<BTreeSet<&str>> =
    LazyLock::new(|| lines(include_str!("data/python_modules.txt")).collect());
pub static PYTHON_MEMBERS: Sets = Sets(include_str!("data/python_members.txt"));
pub static PYTHON_ARGUMENTS: Sets = Sets(include_str!("data/python_arguments.txt"));
/// Modules of packages that nearly every project has, to their members.
pub static PYTHON_PACKAGES: Sets = Sets(include_str!("data/python_packages.txt"));
pub static PYTHON_BUILTINS: LazyLock<BTreeSet<&str>> =
    LazyLock::new(|| lines(include_str!("data/python_builtins.txt")).collect());
/// To the version of Python that it is gone since.
pub static PYTHON_GONE: LazyLock<HashMap<&str, &str>> =
    LazyLock::new(|| pairs(include_str!("data/python_gone.txt")));
pub static NODE_MODULES: LazyLock<BTreeSet<&str>> =
    LazyLock::new(|| lines(include_str!("data/node_modules.txt")).collect());
pub static NODE_MEMBERS: Sets = Sets(include_str!("data/node_members.txt"));
pub static JAVASCRIPT_GLOBALS: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    lines(include_str!("data/node_globals.txt"))
        .chain(lines(include_str!("data/browser_globals.txt")))
        .collect()
});
pub static GO_PACKAGES: LazyLock<BTreeSet<&str>> =
    LazyLock::new(|| lines(include_str!("data/go_packages.txt")).collect());
/// Packages to their classes, classes to what is public in them.
pub static JAVA_MEMBERS: Sets = Sets(include_str!("data/java_members.txt"));
/// Classes to their methods, each with `=` and the class of what it gives.
pub static JAVA_GIVES: Sets = Sets(include_str!("data/java_gives.txt"));
/// Modules and types of Rust's standard library, with `.` between.
pub static RUST_MEMBERS: Sets = Sets(include_str!("data/rust_members.txt"));
pub static GO_MEMBERS: Sets = Sets(include_str!("data/go_members.txt"));
/// Types of Go's packages, by the package's path, to their methods and fields, each with `=` and the type that it gives; `path()` has the package's functions.
pub static GO_TYPES: Sets = Sets(include_str!("data/go_types.txt"));

/// Modules of Python to the distributions that bring them, where the names differ.
pub static DISTRIBUTIONS: LazyLock<HashMap<&str, Vec<&str>>> =
    LazyLock::new(|| several(include_str!("data/python_distributions.txt")));
/// Distributions to the modules that they bring through what they need themselves.
pub static BROUGHT: LazyLock<HashMap<&str, Vec<&str>>> =
    LazyLock::new(|| several(include_str!("data/python_brought.txt")));
/// Packages of npm to those that come with them.
pub static NPM_BROUGHT: LazyLock<HashMap<&str, Vec<&str>>> =
    LazyLock::new(|| several(include_str!("data/npm_brought.txt")));

fn several(text: &'static str) -> HashMap<&'static str, Vec<&'static str>> {
    let mut found: HashMap<&str, Vec<&str>> = HashMap::new();
    for line in lines(text) {
        let mut words = line.split(' ');
        if let Some(first) = words.next() {
            found.entry(first).or_default().extend(words);
        }
    }
    found
}

/// The name among these that was likeliest meant: few letters differ, or one is in the other.
pub fn likeliest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    const LETTERS_MIN: usize = 4;
    if name.len() < LETTERS_MIN {
        return None;
    }
    let plain = |text: &str| text.replace('_', "").to_lowercase();
    let wanted = plain(name);
    names
        .filter_map(|other| {
            let other_plain = plain(other);
            let distance = distance(&wanted, &other_plain);
            (distance <= 1 + wanted.len() / 5 && other != name).then_some((distance, other))
        })
        .min()
        .map(|(_, other)| other)
}

/// How many letters must be added, taken or changed.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (at, letter) in left.chars().enumerate() {
        let mut before = row[0];
        row[0] = at + 1;
        for (column, other) in right.iter().enumerate() {
            let changed = before + usize::from(letter != *other);
            before = row[column + 1];
            row[column + 1] = changed.min(row[column] + 1).min(before + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

/// A hint with the likeliest name, or nothing.
pub fn hint<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> String {
    likeliest(name, names).map_or(String::new(), |other| format!("; there is `{other}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_sorted_texts_is_found() {
        for sets in [
            &PYTHON_MEMBERS,
            &PYTHON_ARGUMENTS,
            &NODE_MEMBERS,
            &GO_MEMBERS,
            &GO_TYPES,
            &JAVA_MEMBERS,
            &JAVA_GIVES,
            &RUST_MEMBERS,
            &PYTHON_PACKAGES,
            &OPTIONS,
            &TERRAFORM,
        ] {
            let mut before = "";
            for line in lines(sets.0) {
                let (name, names) = line.split_once(' ').unwrap_or((line, ""));
                assert!(before < name, "{name} is not sorted");
                let found = sets.get(name).unwrap_or_else(|| panic!("{name} is not found"));
                assert_eq!(found.0, names, "{name}");
                before = name;
            }
            assert!(sets.get("").is_none() && sets.get("~").is_none() && sets.get("no such name").is_none());
        }
    }
}
