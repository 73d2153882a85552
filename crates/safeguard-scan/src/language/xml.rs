//! Settings in XML, as `Object`s: what Maven is told. Attributes say little there, and are left out; what is not well formed ends the reading.

use std::ops::Range;

use super::Language;
use crate::tree::{Builder, Kind, ParseError, Role, Tree};

/// How deep elements may lie within each other.
const DEPTH_MAX: usize = 64;

struct Element {
    name: Range<usize>,
    /// What stands between its tags, where no other element does.
    text: Range<usize>,
    whole: Range<usize>,
    children: Vec<Element>,
}

pub(super) fn parse(text: &str) -> Result<Tree, ParseError> {
    let roots = elements(text);
    let mut out = Builder::new(Language::Settings, text);
    if out.open(Kind::Module, Role::Item, 0..text.len()) {
        object(&roots, text, Role::Item, 0..text.len(), &mut out);
    }
    out.close();
    out.finish()
}

fn object(elements: &[Element], text: &str, role: Role, span: Range<usize>, out: &mut Builder) {
    if out.open(Kind::Object, role, span) {
        for element in elements {
            if out.open(Kind::Pair, Role::Item, element.whole.clone()) {
                leaf(element.name.clone(), text, Role::Key, out);
                match element.children.is_empty() {
                    true => leaf(element.text.clone(), text, Role::Value, out),
                    false => object(&element.children, text, Role::Value, element.text.clone(), out),
                }
            }
            out.close();
        }
    }
    out.close();
}

fn leaf(span: Range<usize>, text: &str, role: Role, out: &mut Builder) {
    if out.open(Kind::Str, role, span.clone()) {
        out.name_decoded(text.get(span).unwrap_or(""));
    }
    out.close();
}

/// The elements of a text, as far as it is well formed.
fn elements(text: &str) -> Vec<Element> {
    let mut roots: Vec<Element> = Vec::new();
    let mut open: Vec<Element> = Vec::new();
    let mut at = 0;
    while let Some(begin) = text[at..].find('<').map(|found| at + found) {
        let rest = &text[begin..];
        let skipped = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>"), ("<!", ">")]
            .iter()
            .find(|(start, _)| rest.starts_with(start));
        if let Some((_, end)) = skipped {
            let Some(length) = rest.find(end) else { break };
            at = begin + length + end.len();
            continue;
        }
        let Some(end) = rest.find('>').map(|found| begin + found) else {
            break;
        };
        at = end + 1;
        if rest.starts_with("</") {
            let Some(mut element) = open.pop() else { break };
            let inside = element.text.start..begin;
            let trimmed = text[inside.clone()].trim();
            let start = inside.start + (text[inside.clone()].len() - text[inside.clone()].trim_start().len());
            element.text = start..start + trimmed.len();
            element.whole.end = at;
            match open.last_mut() {
                Some(around) => around.children.push(element),
                None => roots.push(element),
            }
            continue;
        }
        let name = text[begin + 1..end]
            .find(|char: char| char.is_whitespace() || char == '/')
            .map_or(end, |length| begin + 1 + length);
        let element = Element {
            name: begin + 1..name,
            text: at..at,
            whole: begin..at,
            children: Vec::new(),
        };
        if text[..end].ends_with('/') {
            continue;
        }
        if open.len() >= DEPTH_MAX {
            break;
        }
        open.push(element);
    }
    roots
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn elements_are_pairs() {
        let text = "<?xml version=\"1.0\"?>\n<project a=\"b\"><!-- <x> --><skip>true</skip><empty/><of><least> 0.8 </least></of></project>";
        let wanted = "\
Module
  Object
    Pair
      Key: Str \"project\"
      Value: Object
        Pair
          Key: Str \"skip\"
          Value: Str \"true\"
        Pair
          Key: Str \"of\"
          Value: Object
            Pair
              Key: Str \"least\"
              Value: Str \"0.8\"
";
        assert_eq!(parse(text).map(|tree| tree.outline()).unwrap_or_default(), wanted);
    }

    #[test]
    fn what_is_not_well_formed_ends_the_reading() {
        for text in ["", "<", "<a", "<a><b></a>", "</a>", "<a>é<", &"<a>".repeat(1_000)] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }
}
