//! What the standard libraries have; the texts are made by `tools/standard-names`.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::LazyLock;

/// Names, each with a set of names.
pub type Sets = HashMap<&'static str, HashSet<&'static str>>;

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
}

fn sets(text: &'static str) -> Sets {
    lines(text)
        .filter_map(|line| {
            let mut words = line.split(' ');
            Some((words.next()?, words.collect()))
        })
        .collect()
}

fn pairs(text: &'static str) -> HashMap<&'static str, &'static str> {
    lines(text).filter_map(|line| line.split_once(' ')).collect()
}

pub static PYTHON_MODULES: LazyLock<BTreeSet<&str>> =
    LazyLock::new(|| lines(include_str!("data/python_modules.txt")).collect());
pub static PYTHON_MEMBERS: LazyLock<Sets> = LazyLock::new(|| sets(include_str!("data/python_members.txt")));
pub static PYTHON_ARGUMENTS: LazyLock<Sets> =
    LazyLock::new(|| sets(include_str!("data/python_arguments.txt")));
pub static PYTHON_BUILTINS: LazyLock<BTreeSet<&str>> =
    LazyLock::new(|| lines(include_str!("data/python_builtins.txt")).collect());
/// To the version of Python that it is gone since.
pub static PYTHON_GONE: LazyLock<HashMap<&str, &str>> =
    LazyLock::new(|| pairs(include_str!("data/python_gone.txt")));
pub static NODE_MODULES: LazyLock<BTreeSet<&str>> =
    LazyLock::new(|| lines(include_str!("data/node_modules.txt")).collect());
pub static NODE_MEMBERS: LazyLock<Sets> = LazyLock::new(|| sets(include_str!("data/node_members.txt")));
pub static JAVASCRIPT_GLOBALS: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    lines(include_str!("data/node_globals.txt"))
        .chain(lines(include_str!("data/browser_globals.txt")))
        .collect()
});
pub static GO_PACKAGES: LazyLock<BTreeSet<&str>> =
    LazyLock::new(|| lines(include_str!("data/go_packages.txt")).collect());
pub static GO_MEMBERS: LazyLock<Sets> = LazyLock::new(|| sets(include_str!("data/go_members.txt")));

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
