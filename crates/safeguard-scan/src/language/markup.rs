//! Components and pages: of `.vue`, `.svelte` and HTML the scripts are read, each where it stands. What is around them is blank to the parser, byte
//! for byte, so that every place is one of the whole file.

use std::ops::Range;

use super::{FILE_BYTES_MAX, Language, javascript};
use crate::tree::{ParseError, Tree};

/// What a template fills in is no script yet.
const TEMPLATE_MARKS: &[&str] = &["{{", "{%", "<%", "<?"];

/// Whether scripts are only a part of such a file.
pub fn is_markup(path: &str) -> bool {
    kind_of(path).is_some()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Markup {
    Vue,
    Svelte,
    Html,
}

fn kind_of(path: &str) -> Option<Markup> {
    Some(match path.rsplit_once('.')?.1 {
        "vue" => Markup::Vue,
        "svelte" => Markup::Svelte,
        "html" | "htm" => Markup::Html,
        _ => return None,
    })
}

/// The language that the scripts of a file are read as; none, where there is nothing to read or a template makes the page.
pub(super) fn language(path: &str, text: &str) -> Option<Language> {
    let scripts = scripts(path, text)?;
    let is_filled_in = |script: &Script| {
        let text = &text[script.content.clone()];
        TEMPLATE_MARKS.iter().any(|mark| text.contains(mark))
    };
    if kind_of(path) == Some(Markup::Html) && scripts.iter().any(is_filled_in) {
        return None;
    }
    let has = |wanted: Language| scripts.iter().any(|script| script.language == Ok(wanted));
    match () {
        () if has(Language::Tsx) => Some(Language::Tsx),
        () if has(Language::TypeScript) => Some(Language::TypeScript),
        () if !scripts.is_empty() => Some(Language::JavaScript),
        () => None,
    }
}

pub fn parse(path: &str, language: Language, text: &str) -> Result<Tree, ParseError> {
    if text.len() > FILE_BYTES_MAX {
        return Err(ParseError::TooLarge {
            limit: FILE_BYTES_MAX,
            unit: "bytes",
        });
    }
    let scripts = scripts(path, text).unwrap_or_default();
    let read = scripts.iter().filter(|script| script.language.is_ok());
    let blank = blank(text, read.map(|script| script.content.clone()));
    let mut tree = javascript::parse_within(language, text, &blank)?;
    for script in &scripts {
        if let Err(written) = &script.language {
            let line = tree.line(script.content.start);
            let message = format!("a script in `{written}`, which is not read");
            tree.add_unread(&ParseError::Syntax { line, message });
        }
    }
    Ok(tree)
}

/// The text with everything but these parts as white space of the same length.
fn blank(text: &str, parts: impl Iterator<Item = Range<usize>>) -> String {
    let mut blank = String::with_capacity(text.len());
    let white = |blank: &mut String, part: &str| {
        for char in part.chars() {
            match char {
                '\n' | '\r' => blank.push(char),
                other => blank.extend(std::iter::repeat_n(' ', other.len_utf8())),
            }
        }
    };
    let mut at = 0;
    for part in parts {
        white(&mut blank, &text[at..part.start]);
        blank.push_str(&text[part.clone()]);
        at = part.end;
    }
    white(&mut blank, &text[at..]);
    blank
}

#[derive(Debug, PartialEq, Eq)]
struct Script {
    content: Range<usize>,
    /// What it is read as, or the language that nothing here reads.
    language: Result<Language, String>,
}

fn scripts(path: &str, text: &str) -> Option<Vec<Script>> {
    let kind = kind_of(path)?;
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(begin) = text[at..].find('<').map(|begin| at + begin) {
        let rest = &text[begin..];
        if rest.starts_with("<!--") {
            at = rest.find("-->").map_or(text.len(), |end| begin + end + 3);
            continue;
        }
        let Some(element) = ["script", "style"].into_iter().find(|name| is_tag(rest, name)) else {
            at = begin + 1;
            continue;
        };
        let Some(tag) = tag_end(rest) else {
            break;
        };
        let content = begin + tag;
        at = content;
        if rest[..tag].ends_with("/>") && kind != Markup::Html {
            continue;
        }
        let end = closing(&text[content..], element).map_or(text.len(), |end| content + end);
        at = end;
        if element == "script"
            && let Some(language) = language_of(kind, &rest[..tag])
            && !text[content..end].trim().is_empty()
        {
            found.push(Script {
                content: content..end,
                language,
            });
        }
    }
    Some(found)
}

fn is_tag(text: &str, name: &str) -> bool {
    let named = text
        .get(1..=name.len())
        .is_some_and(|word| word.eq_ignore_ascii_case(name));
    named
        && text[1 + name.len()..]
            .starts_with(|char: char| char.is_ascii_whitespace() || matches!(char, '>' | '/'))
}

/// Behind the `>` of a tag, which also stands in the values of attributes.
fn tag_end(tag: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in tag.bytes().enumerate() {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            (None, b'>') => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Where `</script` begins.
fn closing(text: &str, name: &str) -> Option<usize> {
    text.match_indices("</").map(|(at, _)| at).find(|at| {
        let word = text.get(at + 2..at + 2 + name.len());
        word.is_some_and(|word| word.eq_ignore_ascii_case(name))
    })
}

/// What the script of a tag is written in; none, where it is data.
fn language_of(kind: Markup, tag: &str) -> Option<Result<Language, String>> {
    let written = match kind {
        Markup::Vue | Markup::Svelte => attribute(tag, "lang").or_else(|| attribute(tag, "type")),
        Markup::Html => attribute(tag, "type"),
    };
    let written = written.unwrap_or("").to_ascii_lowercase();
    Some(Ok(match written.as_str() {
        ""
        | "js"
        | "jsx"
        | "javascript"
        | "module"
        | "text/javascript"
        | "application/javascript"
        | "text/babel" => Language::JavaScript,
        "ts" | "typescript" | "text/typescript" => Language::TypeScript,
        "tsx" => Language::Tsx,
        _ if kind == Markup::Html => return None,
        _ => return Some(Err(written)),
    }))
}

fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    let mut from = 0;
    while let Some(at) = tag[from..].find(name).map(|at| from + at) {
        from = at + name.len();
        let is_begin = tag[..at].ends_with(|char: char| char.is_ascii_whitespace());
        let Some(value) = tag[from..].trim_start().strip_prefix('=').filter(|_| is_begin) else {
            continue;
        };
        let value = value.trim_start();
        return match value.chars().next()? {
            quote @ ('"' | '\'') => value[1..].split(quote).next(),
            _ => value
                .split(|char: char| char.is_ascii_whitespace() || matches!(char, '>' | '/'))
                .next(),
        };
    }
    None
}

/// The expressions whose value a component puts into the page as HTML: `v-html="…"` and `{@html …}`.
pub fn raw_html(path: &str, text: &str) -> Vec<Range<usize>> {
    let begin = match kind_of(path) {
        Some(Markup::Vue) => "v-html=\"",
        Some(Markup::Svelte) => "{@html ",
        Some(Markup::Html) | None => return Vec::new(),
    };
    let mut found = Vec::new();
    for (at, _) in text.match_indices(begin) {
        let from = at + begin.len();
        let rest = &text[from..];
        let length = if begin.starts_with('{') {
            closing_brace(rest)
        } else {
            rest.find('"')
        };
        found.extend(length.map(|length| from..from + length));
    }
    found
}

fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Kind;

    fn calls(path: &str, text: &str) -> Vec<(String, usize, usize)> {
        let language = language(path, text).expect("something to read");
        let tree = parse(path, language, text).expect("it parses");
        let calls = tree.all().filter(|id| tree.kind(*id) == Kind::Call);
        calls
            .map(|id| {
                let (line, column) = tree.line_and_column(tree.span(id).start);
                (tree.source(id).to_owned(), line, column)
            })
            .collect()
    }

    #[test]
    fn scripts_are_read_where_they_stand() {
        let vue = "<template>\n  <p title=\"ünïcode > \">{{ a < b }}</p>\n</template>\n<!-- <script>no(</script> -->\n<script setup lang=\"ts\">const a: number = one(1)</script>\n<script>\nexport default { name: two() }\n</script>\n<style>a > b {}</style>\n";
        assert_eq!(language("a/b.vue", vue), Some(Language::TypeScript));
        assert_eq!(
            calls("a/b.vue", vue),
            [("one(1)".to_owned(), 5, 43), ("two()".to_owned(), 7, 24)]
        );
        let svelte = "<script context=\"module\">\n  export const load = () => one()\n</script>\n<script>\n  $: double = two(n)\n</script>\n{#if a < b}<p>{n}</p>{/if}\n";
        assert_eq!(language("b.svelte", svelte), Some(Language::JavaScript));
        assert_eq!(
            calls("b.svelte", svelte),
            [("one()".to_owned(), 2, 29), ("two(n)".to_owned(), 5, 15)]
        );
        let html = "<script type=\"importmap\">{\"imports\": {}}</script>\n<SCRIPT SRC=x.js></SCRIPT><script>go()</script>";
        assert_eq!(calls("c.html", html), [("go()".to_owned(), 2, 35)]);
    }

    #[test]
    fn what_is_no_script_is_none_and_what_is_not_read_is_said() {
        assert_eq!(language("a.html", "<p>text</p><script src=a.js></script>"), None);
        assert_eq!(language("a.html", "<script>let a = {{ value }};</script>"), None);
        assert_eq!(language("a.vue", "<template/>"), None);
        let coffee = "<template/>\n<script lang=\"coffee\">a = -> 1</script>\n<script>b()</script>";
        let tree = parse("a.vue", Language::JavaScript, coffee).expect("the rest parses");
        assert_eq!(tree.unread(), ["line 2: a script in `coffee`, which is not read"]);
        assert!(
            parse(
                "a.vue",
                Language::JavaScript,
                "<template/>\n<script>let = = 1</script>"
            )
            .is_err()
        );
    }

    #[test]
    fn expressions_of_raw_html_are_found() {
        let texts = |path: &str, text: &str| -> Vec<String> {
            raw_html(path, text)
                .into_iter()
                .map(|span| text[span].to_owned())
                .collect()
        };
        assert_eq!(texts("a.vue", "<p v-html=\"post.body\"/>"), ["post.body"]);
        assert_eq!(texts("a.svelte", "{@html f({a: 1})}<b/>"), ["f({a: 1})"]);
        assert_eq!(texts("a.html", "<p v-html=\"post.body\"/>"), Vec::<String>::new());
    }
}
