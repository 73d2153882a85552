//! Words of scripts and Dockerfiles: quotes that matter, and holes that are a part of a word.

use std::ops::Range;

use super::{Bound, Matcher, Then};
use crate::language::Language;
use crate::tree::{Kind, NodeId, Tree};

impl<'m> Matcher<'m> {
    /// In a shell `"$a"` is another thing than `$a`, and `"a"` is none: `"$X"` of a pattern is a variable in quotes.
    pub(super) fn same_quotes(&self, pattern: NodeId, target: NodeId) -> bool {
        let (p, t) = (self.pattern, &self.source.tree);
        let is_quoted = |tree: &Tree, id: NodeId| {
            let (text, span) = (tree.text(), tree.span(id));
            let around = text[..span.start].ends_with('"') && text[span.end..].starts_with('"');
            around || text[span].starts_with('"')
        };
        match p.kind(pattern) {
            Kind::Metavariable if is_quoted(p, pattern) => {
                t.kind(target) == Kind::Name && is_quoted(t, target)
            }
            Kind::Name | Kind::Interp => is_quoted(p, pattern) == is_quoted(t, target),
            _ => true,
        }
    }

    /// A word with holes in it, such as `python:$TAG`: each is as long as what follows it lets it be.
    pub(super) fn parts_of_word(&mut self, wanted: &str, target: NodeId, then: Then<'_, 'm>) -> bool {
        let t = &self.source.tree;
        let word = t.name(target);
        // A digest is no tag.
        if wanted.contains(':') && !wanted.contains('@') && word.contains('@') {
            return false;
        }
        let Some(parts) = parts(wanted, word) else {
            return false;
        };
        self.bind_all(&parts, t.span(target), then)
    }

    fn bind_all(&mut self, parts: &[(String, String)], span: Range<usize>, then: Then<'_, 'm>) -> bool {
        let Some(((metavariable, text), rest)) = parts.split_first() else {
            return then(self);
        };
        let bound = Bound {
            node: None,
            span: span.clone(),
            canonical: text.clone(),
        };
        self.bind(metavariable, bound, &mut |matcher| {
            matcher.bind_all(rest, span.clone(), then)
        })
    }
}

pub(super) fn is_script(language: Language) -> bool {
    matches!(language, Language::Shell | Language::Dockerfile)
}

/// What the holes of a word stand for in another one, if it is of that form.
fn parts(wanted: &str, word: &str) -> Option<Vec<(String, String)>> {
    let Some((before, after)) = wanted.split_once('$') else {
        return (wanted == word).then(Vec::new);
    };
    let rest = word.strip_prefix(before)?;
    let end = after
        .find(|char: char| !(char.is_ascii_uppercase() || char.is_ascii_digit() || char == '_'))
        .unwrap_or(after.len());
    let (name, after) = after.split_at(end);
    if name.is_empty() {
        return None;
    }
    let literal = after.split('$').next().unwrap_or("");
    let length = match (literal.is_empty(), after.is_empty()) {
        (true, _) => rest.len(),
        (false, _) if literal.len() == after.len() => rest.strip_suffix(literal)?.len(),
        (false, _) => rest.rfind(literal)?,
    };
    let (value, rest) = rest.split_at(length);
    if value.is_empty() {
        return None;
    }
    let mut found = vec![(name.to_owned(), value.to_owned())];
    found.extend(parts(after, rest)?);
    Some(found)
}
