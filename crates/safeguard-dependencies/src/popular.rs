//! Names that many know, and names that are nearly theirs.
//!
//! `data/popular_*.txt` are the names that are downloaded most, the most first: for PyPI and npm by the registries' published counts of one month,
//! for crates those that the crates of this very workspace and other well-known programs are built of. Names alone are kept.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use crate::package::Ecosystem;

/// Of how many names imitations are looked for. The others of a list are merely known to be no imitations.
const IMITATED: usize = 2_000;
/// Short names are near to each other by chance.
const NAME_CHARS_MIN: usize = 5;

struct List {
    /// All, as they are written.
    names: HashSet<&'static str>,
    /// The imitated ones by what is left of them without separators, by their sorted words, and as they look.
    squeezed: HashMap<String, &'static str>,
    sorted: HashMap<String, &'static str>,
    seen: HashMap<String, &'static str>,
    /// By each text that one deletion leaves, so that one edit is found by looking up.
    deleted: HashMap<String, Vec<&'static str>>,
}

/// How a name is like another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    /// Letters that look the same.
    Looks,
    /// The same but for separators.
    Separators,
    /// The same words in another order.
    Words,
    /// One letter more, less, other, or two swapped.
    OneEdit,
}

fn list(ecosystem: Ecosystem) -> Option<&'static List> {
    static PYPI: OnceLock<List> = OnceLock::new();
    static NPM: OnceLock<List> = OnceLock::new();
    static CRATES: OnceLock<List> = OnceLock::new();
    match ecosystem {
        Ecosystem::Pypi => Some(PYPI.get_or_init(|| read(include_str!("../data/popular_pypi.txt")))),
        Ecosystem::Npm => Some(NPM.get_or_init(|| read(include_str!("../data/popular_npm.txt")))),
        Ecosystem::Cargo => Some(CRATES.get_or_init(|| read(include_str!("../data/popular_crates.txt")))),
        Ecosystem::Go | Ecosystem::Maven | Ecosystem::Packagist | Ecosystem::RubyGems => None,
    }
}

fn read(text: &'static str) -> List {
    let all: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    let mut list = List {
        names: all.iter().copied().collect(),
        squeezed: HashMap::new(),
        sorted: HashMap::new(),
        seen: HashMap::new(),
        deleted: HashMap::new(),
    };
    for name in all.into_iter().take(IMITATED) {
        if bare(name).chars().count() < NAME_CHARS_MIN {
            continue;
        }
        list.squeezed.entry(squeezed(name)).or_insert(name);
        list.sorted.entry(sorted(name)).or_insert(name);
        list.seen.entry(as_it_looks(name)).or_insert(name);
        for text in deletions(name).chain([name.to_owned()]) {
            list.deleted.entry(text).or_default().push(name);
        }
    }
    list
}

/// Whether many know the name.
pub fn is_popular(ecosystem: Ecosystem, name: &str) -> bool {
    list(ecosystem).is_some_and(|list| list.names.contains(name))
}

/// The well-known name that this one is nearly.
pub fn near_twin(ecosystem: Ecosystem, name: &str) -> Option<(&'static str, Likeness)> {
    let list = list(ecosystem)?;
    if list.names.contains(name) {
        return None;
    }
    let other = |found: Option<&&'static str>| {
        found
            .copied()
            .filter(|found| *found != name && scope(found) == scope(name))
    };
    if let Some(found) = other(list.seen.get(&as_it_looks(name))) {
        return Some((found, Likeness::Looks));
    }
    if bare(name).chars().count() < NAME_CHARS_MIN {
        return None;
    }
    if let Some(found) = other(list.squeezed.get(&squeezed(name))) {
        return Some((found, Likeness::Separators));
    }
    if let Some(found) = other(list.sorted.get(&sorted(name))) {
        return Some((found, Likeness::Words));
    }
    let candidates = deletions(name).chain([name.to_owned()]);
    let mut near: Vec<&'static str> = candidates
        .filter_map(|text| list.deleted.get(&text))
        .flatten()
        .copied()
        .filter(|found| *found != name && scope(found) == scope(name) && is_one_edit(found, name))
        // A version behind a name (`redis3`) is another package of the same people more often than not.
        .filter(|found| !differs_in_digits(found, name))
        .collect();
    near.sort_unstable();
    near.first().map(|found| (*found, Likeness::OneEdit))
}

/// `@acme` of `@acme/ui`: within a scope its owner decides about names.
fn scope(name: &str) -> Option<&str> {
    name.strip_prefix('@')?.split_once('/').map(|(scope, _)| scope)
}

fn bare(name: &str) -> &str {
    match name.strip_prefix('@').and_then(|rest| rest.split_once('/')) {
        Some((_, bare)) => bare,
        None => name,
    }
}

fn is_separator(char: char) -> bool {
    matches!(char, '-' | '_' | '.')
}

fn squeezed(name: &str) -> String {
    name.chars()
        .filter(|char| !is_separator(*char))
        .flat_map(char::to_lowercase)
        .collect()
}

fn sorted(name: &str) -> String {
    let lower = name.to_lowercase();
    let mut words: Vec<&str> = lower.split(is_separator).collect();
    words.sort_unstable();
    words.join("-")
}

/// With letters that look alike made one.
fn as_it_looks(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for char in name.chars() {
        text.push(match char {
            '0' | 'о' | 'ο' => 'o',
            '1' | 'l' | 'I' | '|' | 'і' => 'l',
            'а' => 'a',
            'е' => 'e',
            'р' => 'p',
            'с' => 'c',
            'у' => 'y',
            'х' => 'x',
            other => other,
        });
    }
    text.replace("rn", "m").replace("vv", "w")
}

fn deletions(name: &str) -> impl Iterator<Item = String> + use<'_> {
    name.char_indices().map(|(at, char)| {
        let mut text = String::with_capacity(name.len());
        text.push_str(&name[..at]);
        text.push_str(&name[at + char.len_utf8()..]);
        text
    })
}

/// Whether one letter was put in, taken out, replaced, or two neighbours swapped.
fn is_one_edit(left: &str, right: &str) -> bool {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let same_begin = left
        .iter()
        .zip(&right)
        .take_while(|(one, two)| one == two)
        .count();
    let (left, right) = (&left[same_begin..], &right[same_begin..]);
    let same_end = left
        .iter()
        .rev()
        .zip(right.iter().rev())
        .take_while(|(one, two)| one == two)
        .count();
    let (left, right) = (&left[..left.len() - same_end], &right[..right.len() - same_end]);
    match (left, right) {
        ([], [_]) | ([_], []) | ([_], [_]) => true,
        ([one, two], [three, four]) => one == four && two == three,
        _ => false,
    }
}

fn differs_in_digits(left: &str, right: &str) -> bool {
    let letters = |name: &str| -> String { name.chars().filter(|char| !char.is_ascii_digit()).collect() };
    let (left, right) = (letters(left), letters(right));
    left.trim_end_matches(is_separator) == right.trim_end_matches(is_separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_known_ones_are_not() {
        let near = |ecosystem, name| {
            near_twin(ecosystem, name).map(|(name, likeness)| format!("{name} {likeness:?}"))
        };
        for (ecosystem, name, expected) in [
            (Ecosystem::Pypi, "reqeusts", Some("requests OneEdit")),
            (Ecosystem::Pypi, "requestss", Some("requests OneEdit")),
            (
                Ecosystem::Pypi,
                "pythondateutil",
                Some("python-dateutil Separators"),
            ),
            (Ecosystem::Pypi, "dateutil-python", Some("python-dateutil Words")),
            (Ecosystem::Npm, "1odash", Some("lodash Looks")),
            (Ecosystem::Npm, "expres", Some("express OneEdit")),
            (Ecosystem::Npm, "crossenv", Some("cross-env Separators")),
            (Ecosystem::Cargo, "serde_jsom", Some("serde_json OneEdit")),
            (Ecosystem::Pypi, "requests", None),
            (Ecosystem::Npm, "preact", None),
            (Ecosystem::Pypi, "shop-ledger", None),
            (Ecosystem::Pypi, "requests2", None),
            (Ecosystem::Npm, "@acme/express", None),
        ] {
            assert_eq!(near(ecosystem, name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn no_popular_name_is_near_another() {
        for ecosystem in [Ecosystem::Pypi, Ecosystem::Npm, Ecosystem::Cargo] {
            let names = &list(ecosystem).expect("there is one").names;
            assert!(names.len() > 100);
            assert!(names.iter().all(|name| near_twin(ecosystem, name).is_none()));
        }
    }
}
