//! Settings of tools that check, and of services of Java: TOML, JSON (with comments), XML, INI and properties, as `Object`s, like YAML.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::Language;
use super::sitter::syntax;
use crate::tree::{Builder, Kind, ParseError, Role, Tree};

/// Whether a file of this name tells a tool what to check.
pub(super) fn is_settings(file: &str) -> bool {
    const NAMES: &[&str] = &[
        "pyproject.toml",
        "setup.cfg",
        "tox.ini",
        ".coveragerc",
        "mypy.ini",
        ".mypy.ini",
        "pytest.ini",
        "ruff.toml",
        ".ruff.toml",
        ".flake8",
        ".bandit",
        "package.json",
        "jest.config.json",
        ".nycrc",
        ".nycrc.json",
        ".c8rc.json",
        ".eslintrc",
        ".eslintrc.json",
        "biome.json",
        ".pylintrc",
        "clippy.toml",
        ".clippy.toml",
        "deny.toml",
        "tarpaulin.toml",
        "Cargo.toml",
        "audit.toml",
        "osv-scanner.toml",
        "pom.xml",
        "sonar-project.properties",
        ".c8rc",
        ".oxlintrc.json",
    ];
    NAMES.contains(&file) || file.starts_with("tsconfig") && file.ends_with(".json") || is_properties(file)
}

/// What a service of Java is told when it starts: `application.properties`, `application-production.properties`.
fn is_properties(file: &str) -> bool {
    file.strip_suffix(".properties").is_some_and(|stem| {
        stem.starts_with("application")
            || stem.starts_with("bootstrap")
            || matches!(stem, "hibernate" | "microprofile-config")
    })
}

pub(super) fn parse(text: &str) -> Result<Tree, ParseError> {
    let begin = text.trim_start();
    if begin.starts_with('<') {
        return super::xml::parse(text);
    }
    // A table of TOML begins with `[` too, a document of JSON with what no line of TOML begins with.
    if begin.starts_with('{') || begin.starts_with("//") || begin.starts_with("/*") {
        return super::yaml::parse_as(Language::Settings, &without_comments(text), text);
    }
    match DeTable::parse(text) {
        Ok(table) => {
            let mut convert = Convert {
                out: Builder::new(Language::Settings, text),
            };
            if convert.out.open(Kind::Module, Role::Item, 0..text.len()) {
                convert.table(table.get_ref(), Role::Item, 0..text.len());
            }
            convert.out.close();
            convert.out.finish()
        }
        Err(error) => ini(text).ok_or_else(|| {
            let at = error.span().map_or(0, |span| span.start);
            syntax(text, at, error.message().to_owned())
        })?,
    }
}

struct Convert {
    out: Builder,
}

impl Convert {
    fn leaf(&mut self, kind: Kind, role: Role, span: Range<usize>, name: &str) {
        if self.out.open(kind, role, span) {
            self.out.name_decoded(name);
        }
        self.out.close();
    }

    fn entries(&mut self, entries: &Entries, text: &str) {
        for (key, value) in entries {
            let place = key.start..value.end.max(key.end);
            if self.out.open(Kind::Pair, Role::Item, place) {
                self.leaf(Kind::Str, Role::Key, key.clone(), &text[key.clone()]);
                self.leaf(Kind::Str, Role::Value, value.clone(), &text[value.clone()]);
            }
            self.out.close();
        }
    }

    fn table(&mut self, table: &DeTable<'_>, role: Role, span: Range<usize>) {
        if self.out.open(Kind::Object, role, span) {
            let mut entries: Vec<_> = table.iter().collect();
            entries.sort_by_key(|(key, _)| key.span().start);
            for (key, value) in entries {
                let place = key.span().start..value.span().end.max(key.span().end);
                if self.out.open(Kind::Pair, Role::Item, place) {
                    self.leaf(Kind::Str, Role::Key, key.span(), key.get_ref());
                    self.value(value.get_ref(), Role::Value, value.span());
                }
                self.out.close();
            }
        }
        self.out.close();
    }

    fn value(&mut self, value: &DeValue<'_>, role: Role, span: Range<usize>) {
        match value {
            DeValue::String(text) => self.leaf(Kind::Str, role, span, text),
            DeValue::Integer(number) => self.leaf(Kind::Num, role, span, number.as_str()),
            DeValue::Float(number) => self.leaf(Kind::Num, role, span, number.as_str()),
            DeValue::Boolean(is) => self.leaf(Kind::Bool, role, span, if *is { "true" } else { "false" }),
            DeValue::Datetime(time) => self.leaf(Kind::Str, role, span, &time.to_string()),
            DeValue::Array(items) => {
                if self.out.open(Kind::List, role, span) {
                    for item in items {
                        self.value(item.get_ref(), Role::Item, item.span());
                    }
                }
                self.out.close();
            }
            DeValue::Table(table) => self.table(table, role, span),
        }
    }
}

/// The same length without what stands behind `//` and between `/*` and `*/`.
fn without_comments(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = String::with_capacity(text.len());
    let mut in_string = false;
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        let rest = &text[at..];
        let length = match rest {
            _ if in_string => 0,
            _ if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            _ if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            _ => 0,
        };
        if length > 0 {
            plain.extend(
                bytes[at..at + length]
                    .iter()
                    .map(|byte| if *byte == b'\n' { '\n' } else { ' ' }),
            );
            at += length;
            continue;
        }
        if in_string && letter == '\\' {
            let next = rest[1..].chars().next().map_or(0, char::len_utf8);
            plain.push_str(&rest[..1 + next]);
            at += 1 + next;
            continue;
        }
        in_string ^= letter == '"';
        // White space of YAML is no tab.
        plain.push(if letter == '\t' && !in_string { ' ' } else { letter });
        at += letter.len_utf8();
    }
    plain
}

/// Where keys and their values are.
type Entries = Vec<(Range<usize>, Range<usize>)>;

/// Sections of `key = value`, where what is indented goes on; properties have none. None if a line is nothing of this.
fn ini(text: &str) -> Option<Result<Tree, ParseError>> {
    let mut convert = Convert {
        out: Builder::new(Language::Settings, text),
    };
    let mut sections: Vec<(Range<usize>, Entries)> = vec![(0..0, Vec::new())];
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        let start = at + line.len() - line.trim_start().len();
        let goes_on = line.starts_with([' ', '\t']);
        let (_, entries) = sections.last_mut()?;
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            // Nothing is said.
        } else if goes_on && !entries.is_empty() {
            if let Some((_, value)) = entries.last_mut() {
                value.end = start + trimmed.len();
            }
        } else if trimmed.starts_with('[') && trimmed.contains(']') {
            let end = trimmed.find(']').unwrap_or(1);
            sections.push((start + 1..start + end, Vec::new()));
        } else {
            let middle = trimmed.find(['=', ':']).unwrap_or(trimmed.len());
            let key = trimmed[..middle].trim_end();
            let value = trimmed.get(middle + 1..).unwrap_or("");
            let begin = start + trimmed.len() - value.trim_start().len();
            entries.push((start..start + key.len(), begin..start + trimmed.len()));
        }
        at += line.len();
    }
    let without = sections.len() < 2;
    if without
        && !sections
            .first()
            .is_some_and(|(_, entries)| are_properties(text, entries))
    {
        return None;
    }
    let whole = 0..text.len();
    if convert.out.open(Kind::Module, Role::Item, whole.clone()) {
        if convert.out.open(Kind::Object, Role::Item, whole.clone()) {
            if without {
                for (_, entries) in &sections {
                    convert.entries(entries, text);
                }
            }
            for (name, entries) in sections.into_iter().filter(|(name, _)| !name.is_empty()) {
                let end = entries.last().map_or(name.end, |(_, value)| value.end);
                if convert.out.open(Kind::Pair, Role::Item, name.start..end) {
                    convert.leaf(Kind::Str, Role::Key, name.clone(), &text[name.clone()]);
                    if convert.out.open(Kind::Object, Role::Value, name.end..end) {
                        convert.entries(&entries, text);
                    }
                    convert.out.close();
                }
                convert.out.close();
            }
        }
        convert.out.close();
    }
    convert.out.close();
    Some(convert.out.finish())
}

/// Whether lines without a section are properties, and not TOML that is broken.
fn are_properties(text: &str, entries: &Entries) -> bool {
    let of_toml = |value: &Range<usize>| text[value.clone()].starts_with(['[', '{', '"', '\'']);
    !entries.is_empty() && !entries.iter().any(|(_, value)| of_toml(value))
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn outline(text: &str) -> String {
        parse(text).map_or_else(|error| error.to_string(), |tree| tree.outline())
    }

    const COVERAGE: &str = "\
Module
  Object
    Pair
      Key: Str \"report\"
      Value: Object
        Pair
          Key: Str \"fail_under\"
          Value: ";

    #[test]
    fn the_same_is_read_from_all_forms() {
        let number = format!("{COVERAGE}Num \"80\"\n");
        assert_eq!(outline("[report]\nfail_under = 80\n"), number);
        assert_eq!(
            outline("{\n\t// least\n\t\"report\": {\"fail_under\": 80},\n}\n"),
            number
        );
        assert_eq!(
            outline("[report]\nfail_under: 80\n    # more\n"),
            format!("{COVERAGE}Str \"80\"\n")
        );
    }

    #[test]
    fn properties_have_no_sections() {
        let text = "# of the service\nserver.port=8080\nspring.datasource.url=${DATABASE_URL}\n";
        let entry = |key: &str, value: &str| {
            format!("    Pair\n      Key: Str \"{key}\"\n      Value: Str \"{value}\"\n")
        };
        let wanted = format!(
            "Module\n  Object\n{}{}",
            entry("server.port", "8080"),
            entry("spring.datasource.url", "${DATABASE_URL}")
        );
        assert_eq!(outline(text), wanted);
    }

    #[test]
    fn what_is_broken_is_said() {
        assert_eq!(outline("a = [1, 2\n"), "line 1: unclosed array, expected `]`");
        assert!(
            outline("{\"a\": 1").starts_with("line 1: "),
            "{}",
            outline("{\"a\": 1")
        );
    }
}
