//! What components put into a page as HTML: `v-html="…"` of Vue and `{@html …}` of Svelte.

use crate::language::markup;
use crate::matching::Source;
use crate::rules::Reports;

/// What the address of the page says: whoever makes a link to it says it.
const OF_THE_ADDRESS: &[&str] = &[
    "route.query",
    "route.params",
    "route.hash",
    "page.url",
    "page.params",
    "location.",
    "searchParams",
];
const CLEANING: &[&str] = &["sanitize", "purify", "escape", "cleanhtml"];

/// Tells of what an address says, or, where `sure` is not asked for, of what nothing shows to be harmless.
pub(super) fn raw_html(source: &Source, sure: bool, reports: &mut Reports) {
    let text = source.tree.text();
    for span in markup::raw_html(&source.path, text) {
        let value = text[span.clone()].trim();
        let lower = value.to_ascii_lowercase();
        if is_fixed(value) || CLEANING.iter().any(|word| lower.contains(word)) {
            continue;
        }
        let is_sure = OF_THE_ADDRESS.iter().any(|word| value.contains(word));
        if is_sure == sure {
            reports.at(
                text,
                span,
                format!("`{value}` becomes HTML of the page as it is"),
                !sure,
            );
        }
    }
}

/// A text that is written out.
fn is_fixed(value: &str) -> bool {
    let mut chars = value.chars();
    let (Some(first), Some(last)) = (chars.next(), chars.next_back()) else {
        return value.chars().all(|char| char.is_ascii_digit());
    };
    let inner = &value[first.len_utf8()..value.len() - last.len_utf8()];
    matches!(first, '\'' | '"' | '`') && first == last && !inner.contains(first) && !inner.contains("${")
}
