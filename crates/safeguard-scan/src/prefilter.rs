//! Which words a file must have for a rule to find anything in it, so that most rules cost a file nothing, and their patterns are not even
//! read.

use crate::rule::written::{Item, Nested, Written};

/// Shorter words are everywhere.
const WORD_BYTES_MIN: usize = 3;

/// What stands in a pattern, but may be written otherwise in what it fits.
const SYNTAX: &[&str] = &[
    "and",
    "any",
    "as",
    "assert",
    "async",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "crate",
    "def",
    "default",
    "del",
    "dyn",
    "elif",
    "else",
    "enum",
    "except",
    "export",
    "extends",
    "false",
    "False",
    "final",
    "finally",
    "fn",
    "for",
    "from",
    "func",
    "function",
    "global",
    "if",
    "impl",
    "implements",
    "import",
    "in",
    "interface",
    "is",
    "lambda",
    "let",
    "loop",
    "match",
    "mod",
    "move",
    "mut",
    "new",
    "nil",
    "None",
    "nonlocal",
    "not",
    "null",
    "off",
    "on",
    "or",
    "package",
    "pass",
    "private",
    "protected",
    "pub",
    "public",
    "raise",
    "range",
    "ref",
    "require",
    "return",
    "static",
    "struct",
    "super",
    "switch",
    "this",
    "throw",
    "throws",
    "trait",
    "true",
    "True",
    "try",
    "type",
    "undefined",
    "unsafe",
    "use",
    "var",
    "void",
    "where",
    "while",
    "with",
    "yes",
    "yield",
    // Dockerfiles may have them in small letters.
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// What must be in a file for a rule to find anything in it: words, as they are written or by their numbers.
#[derive(Debug, PartialEq, Eq)]
pub enum Need<W> {
    /// Nothing is known.
    Nothing,
    Word(W),
    All(Vec<Need<W>>),
    Any(Vec<Need<W>>),
}

impl Need<usize> {
    /// Whether a file has it, by which words it has.
    pub fn holds(&self, has: &[bool]) -> bool {
        match self {
            Need::Nothing => true,
            Need::Word(number) => has[*number],
            Need::All(parts) => parts.iter().all(|part| part.holds(has)),
            Need::Any(parts) => parts.iter().any(|part| part.holds(has)),
        }
    }
}

impl<'r> Need<&'r str> {
    pub(crate) fn of(rule: &'r Written) -> Need<&'r str> {
        if rule.pattern_sinks.is_empty() {
            return parts(
                rule.pattern.as_deref(),
                rule.patterns.as_deref(),
                rule.pattern_either.as_deref(),
            );
        }
        let sinks = any(&rule.pattern_sinks);
        // What the sets of sources find, they find by themselves.
        if rule.own.sources.is_empty() {
            Need::All(vec![sinks, any(&rule.pattern_sources)])
        } else {
            sinks
        }
    }

    pub fn words(&self) -> Vec<&'r str> {
        match self {
            Need::Nothing => Vec::new(),
            Need::Word(word) => vec![word],
            Need::All(parts) | Need::Any(parts) => parts.iter().flat_map(Need::words).collect(),
        }
    }

    /// The same by the words' places in a sorted list of all of them.
    pub fn numbered(&self, words: &[&str]) -> Need<usize> {
        let several = |parts: &[Need<&str>]| parts.iter().map(|part| part.numbered(words)).collect();
        match self {
            Need::Nothing => Need::Nothing,
            Need::Word(word) => words.binary_search(word).map_or(Need::Nothing, Need::Word),
            Need::All(parts) => Need::All(several(parts)),
            Need::Any(parts) => Need::Any(several(parts)),
        }
    }
}

fn any(items: &[Item]) -> Need<&str> {
    Need::Any(items.iter().map(item).collect())
}

/// An operator; one that says what not, or something of a metavariable, needs nothing.
fn item(item: &Item) -> Need<&str> {
    match &item.pattern_inside {
        Some(Nested::Code(code)) => words(code),
        Some(Nested::Item(inside)) => self::item(inside),
        None => parts(
            item.pattern.as_deref(),
            item.patterns.as_deref(),
            item.pattern_either.as_deref(),
        ),
    }
}

fn parts<'r>(
    pattern: Option<&'r str>,
    patterns: Option<&'r [Item]>,
    either: Option<&'r [Item]>,
) -> Need<&'r str> {
    match (pattern, patterns, either) {
        (Some(code), _, _) => words(code),
        (None, Some(items), _) => Need::All(items.iter().map(item).collect()),
        (None, None, Some(items)) => any(items),
        // A regular expression finds what no word tells.
        (None, None, None) => Need::Nothing,
    }
}

/// The words of a pattern that stand in whatever it fits, under whatever name it was imported: no metavariables; none within quotes, which may
/// be put together from parts in a file; no numbers, which have several forms; none before a metavariable, which are its type or syntax.
fn words(code: &str) -> Need<&str> {
    let is_word = |char: char| char.is_ascii_alphanumeric() || char == '_';
    let mut found: Vec<Need<&str>> = Vec::new();
    let mut quote: Option<char> = None;
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        if first == '$' {
            let name = rest[1..].trim_start_matches("...");
            rest = name.trim_start_matches(is_word);
            continue;
        }
        let length = if is_word(first) {
            rest.find(|char| !is_word(char)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (word, after) = rest.split_at(length);
        let is_needed = is_word(first)
            && quote.is_none()
            && word.len() >= WORD_BYTES_MIN
            && !first.is_ascii_digit()
            && !SYNTAX.contains(&word)
            && !after.trim_start().starts_with('$');
        if is_needed {
            found.push(Need::Word(word));
        }
        match quote {
            Some(open) if open == first => quote = None,
            None if matches!(first, '"' | '\'' | '`') => quote = Some(first),
            Some(_) | None => {}
        }
        rest = after;
    }
    Need::All(found)
}

#[cfg(test)]
mod tests {
    use super::{Need, words};

    #[test]
    fn what_may_be_written_otherwise_is_not_needed() {
        for (code, needed) in [
            (
                "subprocess.run($X, ..., shell=True)",
                vec!["subprocess", "run", "shell"],
            ),
            ("$F($...ARGS, \"text with words\", 0o777)", vec![]),
            ("for $X in $Y:\n    $Z.append($X)", vec!["append"]),
            ("(HttpServletRequest $R).getParameter(...)", vec!["getParameter"]),
            ("def $F(...):\n    ...", vec![]),
        ] {
            assert_eq!(words(code).words(), needed, "{code}");
        }
        assert_eq!(words("$X == $X"), Need::All(Vec::new()));
    }
}
