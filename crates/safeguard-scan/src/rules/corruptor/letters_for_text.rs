//! A text is taken away, or split at, letter by letter or as a pattern, where the whole text is meant.

use std::collections::BTreeSet;

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId};

pub static CHECK: Check = Check {
    id: "letters-for-text",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-628"],
    languages: &[Language::Go, Language::Java, Language::Python],
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.of_kind(Kind::Call).iter().copied() {
        let told = match code.tree.language() {
            Language::Python => letters(code, call, &["strip", "lstrip", "rstrip"], 0),
            Language::Go if code.path(call).starts_with("strings.Trim") => {
                letters(code, call, &["Trim", "TrimLeft", "TrimRight"], 1)
            }
            Language::Java => pattern(code, call),
            _ => None,
        };
        if let Some(told) = told
            && !undoes_or_tests(code, call)
        {
            reports.add(call, told);
        }
    }
}

/// `name.rstrip(".csv")` takes away every `.`, `c`, `s` and `v` at the end.
fn letters(code: Code<'_>, call: NodeId, names: &[&str], at: usize) -> Option<String> {
    let name = code.called(call);
    if !names.contains(&name) {
        return None;
    }
    let text = code.text(code.arg(call, at)?)?;
    is_a_text(text).then(|| {
        format!(
            "`{name}` takes away each of the letters in `{text}`, as often as they come, and not this text"
        )
    })
}

/// Whether it is an ending, a beginning or a word, and no set of letters: `.csv`, `https://`, `www.`, `_id`.
fn is_a_text(text: &str) -> bool {
    // Both cases of one letter are a set: `fF`.
    let letters: BTreeSet<u8> = text
        .bytes()
        .filter(u8::is_ascii_alphabetic)
        .map(|byte| byte.to_ascii_lowercase())
        .collect();
    let mut bytes = text.bytes();
    let (Some(first), Some(last)) = (bytes.next(), bytes.next_back()) else {
        return false;
    };
    let sign = |byte: u8| matches!(byte, b'.' | b'/' | b'_' | b'-' | b':');
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || sign(byte));
    // A range of letters is a set: `abc…`, `0-9a-f`.
    let is_set = text.contains("a-z") || text.contains("0-9") || text.contains("abc");
    let one_side = sign(first) != sign(last) || text.contains("://");
    (letters.len() >= 2 || text.contains("www")) && text.len() >= 3 && plain && one_side && !is_set
}

/// Java: `text.replaceAll(".", "")` takes a pattern, in which a point is any letter.
fn pattern(code: Code<'_>, call: NodeId) -> Option<String> {
    let name = code.called(call);
    let takes = match name {
        "replaceAll" | "replaceFirst" => 2,
        "split" => 1,
        _ => return None,
    };
    let args = code.args(call);
    code.receiver(call)?;
    if args.len() < takes || args.len() > 2 {
        return None;
    }
    let text = code.text(args[0])?;
    let any = match name {
        "split" => matches!(text, "." | "|" | "||" | "^" | "$"),
        _ => {
            // Each letter by one sign is meant where something is hidden.
            let hides = code
                .text(args[1])
                .is_some_and(|by| matches!(by, "*" | "•" | "x" | "X" | "#"));
            matches!(text, "." | "|" | "$" | "^") && !hides
        }
    };
    any.then(|| {
        format!(
            "`{name}` takes a pattern: `{text}` does not stand for itself there, but for any letter or none"
        )
    })
}
