//! Which texts a file must have for a rule to find anything in it, so that most rules cost a file nothing.

use crate::language::pattern::{DEEP, Pattern};
use crate::rule::{All, Formula, Mode};
use crate::tree::Kind;

/// Shorter texts are everywhere.
const LITERAL_BYTES_MIN: usize = 3;
/// How many alternatives are worth looking for.
const ALTERNATIVES_MAX: usize = 64;

/// Groups of texts: a file has at least one of each group, or the rule finds nothing in it.
pub fn needs(mode: &Mode) -> Vec<Vec<String>> {
    match mode {
        Mode::Search(of) => formula(of),
        Mode::Taint(taint) => {
            let mut needs = any(&taint.sinks);
            needs.extend(any(taint.sources.iter().map(AsRef::as_ref)));
            needs
        }
    }
}

fn any<'a>(formulas: impl IntoIterator<Item = &'a Formula>) -> Vec<Vec<String>> {
    let each: Vec<Vec<Vec<String>>> = formulas.into_iter().map(formula).collect();
    alternatives(&each)
}

/// One of several: a group with the best text of each, if each has one.
fn alternatives(each: &[Vec<Vec<String>>]) -> Vec<Vec<String>> {
    if let [only] = each {
        return only.clone();
    }
    let mut group: Vec<String> = Vec::new();
    for groups in each {
        let best = groups.iter().max_by_key(|group| {
            (
                std::cmp::Reverse(group.len()),
                group.iter().map(String::len).min(),
            )
        });
        match best {
            Some(best) => group.extend(best.iter().cloned()),
            None => return Vec::new(),
        }
    }
    group.sort();
    group.dedup();
    if group.is_empty() || group.len() > ALTERNATIVES_MAX {
        return Vec::new();
    }
    vec![group]
}

fn formula(of: &Formula) -> Vec<Vec<String>> {
    match of {
        Formula::Pattern(pattern) => literals(pattern),
        Formula::Regex(_) | Formula::Nodes(_) => Vec::new(),
        Formula::Any(formulas) => any(formulas),
        Formula::All(All { positive, inside, .. }) => {
            positive.iter().chain(inside).flat_map(formula).collect()
        }
    }
}

/// The names and texts of a pattern: each is somewhere in a file that the pattern fits, whatever it was imported as.
fn literals(pattern: &Pattern) -> Vec<Vec<String>> {
    let tree = &pattern.tree;
    let mut found: Vec<String> = Vec::new();
    for root in &pattern.roots {
        for id in tree.subtree(*root) {
            let names = match tree.kind(id) {
                Kind::Name
                | Kind::Member
                | Kind::Keyword
                | Kind::Function
                | Kind::Class
                | Kind::Import
                | Kind::ImportItem
                | Kind::Str
                | Kind::JsxAttribute => tree.name(id),
                _ => continue,
            };
            let is_plain = names
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            // What `<... x ...>` was written as stands in no file.
            let is_written = !matches!(names, "default" | "undefined" | DEEP);
            if is_plain && names.len() >= LITERAL_BYTES_MIN && is_written {
                found.push(names.to_owned());
            }
        }
    }
    found.sort();
    found.dedup();
    found.into_iter().map(|text| vec![text]).collect()
}
