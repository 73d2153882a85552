//! `requirements.txt`, and the requirements that it and other files of Python are made of (PEP 508).

use std::ops::Range;

use super::ReadError;
use crate::package::{Dependency, Ecosystem, Listing, Registry, Source};

pub(super) fn file(text: &str) -> Result<Listing, ReadError> {
    let mut listing = Listing::default();
    for (span, line) in logical_lines(text) {
        line_of(&line, span, &mut listing);
    }
    Ok(listing)
}

/// Lines without comments; what ends with a backslash goes on. With each, where its first line stands.
fn logical_lines(text: &str) -> Vec<(Range<usize>, String)> {
    let mut lines: Vec<(Range<usize>, String)> = Vec::new();
    let mut goes_on = false;
    let mut at = 0;
    for raw in text.split_inclusive('\n') {
        let begin = at;
        at += raw.len();
        let line = raw.trim_end_matches(['\n', '\r']);
        let line = match line.find('#') {
            Some(0) => "",
            Some(hash) if line[..hash].ends_with([' ', '\t']) => &line[..hash],
            // The fragment of an address.
            Some(_) => match line.find(" #") {
                Some(hash) => &line[..hash],
                None => line,
            },
            None => line,
        };
        let (body, more) = match line.strip_suffix('\\') {
            Some(body) => (body, true),
            None => (line, false),
        };
        match lines.last_mut() {
            Some((_, whole)) if goes_on => {
                whole.push(' ');
                whole.push_str(body.trim());
            }
            _ => {
                let indent = body.len() - body.trim_start().len();
                let start = begin + indent;
                lines.push((start..start + body.trim().len(), body.trim().to_owned()));
            }
        }
        goes_on = more;
    }
    lines.retain(|(_, line)| !line.is_empty());
    lines
}

fn line_of(line: &str, span: Range<usize>, listing: &mut Listing) {
    if let Some((option, value)) = option(line) {
        let registry = |url: &str, extra| Registry {
            ecosystem: Ecosystem::Pypi,
            url: url.to_owned(),
            extra,
            scope: None,
            span: span.clone(),
        };
        match option {
            "-r" | "--requirement" | "-c" | "--constraint" => listing.includes.push(value.to_owned()),
            "-i" | "--index-url" | "--pypi-url" => listing.registries.push(registry(value, false)),
            "--extra-index-url" | "-f" | "--find-links" => listing.registries.push(registry(value, true)),
            "-e" | "--editable" => {
                if let Some(mut found) = requirement(value, span.clone()) {
                    found.direct = Some(true);
                    listing.dependencies.push(found);
                }
            }
            _ => {}
        }
        return;
    }
    match requirement(line, span) {
        Some(mut found) => {
            // A locked list has every package, whoever asked for it, and says so in comments alone.
            found.direct = found.integrity.is_empty().then_some(true);
            listing.dependencies.push(found);
        }
        None => listing
            .unread
            .push(format!("`{}` is no requirement", shown(line))),
    }
}

fn shown(line: &str) -> String {
    crate::package::without_user(&line.chars().take(60).collect::<String>())
}

/// `--name value`, `--name=value`, `-rvalue`.
fn option(line: &str) -> Option<(&str, &str)> {
    if !line.starts_with('-') {
        return None;
    }
    if let Some(rest) = line.strip_prefix("--") {
        let end = rest.find([' ', '=', '\t']).unwrap_or(rest.len());
        let value = rest[end..].trim_start_matches(['=', ' ', '\t']).trim();
        return Some((&line[..end + 2], value));
    }
    let (name, value) = line.split_at_checked(2)?;
    Some((name, value.trim()))
}

/// A requirement: `Name[extra]>=1,<2; marker --hash=sha256:…`, `name @ https://…`, an address, a folder; nothing where it is none.
pub fn requirement(text: &str, span: Range<usize>) -> Option<Dependency> {
    let mut words = text.split_whitespace();
    let integrity: Vec<String> = words
        .clone()
        .filter_map(|word| word.strip_prefix("--hash=").map(str::to_owned))
        .collect();
    let mut text: String = words
        .by_ref()
        .take_while(|word| !word.starts_with("--"))
        .collect::<Vec<_>>()
        .join(" ");
    if let Some(marker) = text.find(';')
        && (!text.contains("://") || text[..marker].ends_with(' '))
    {
        text.truncate(marker);
    }
    let text = text.trim();
    let named = |name: &str| Dependency::new(Ecosystem::Pypi, name, span.clone());
    let end = text
        .find(|char: char| !(char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.')))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let rest = rest.trim_start();
    let is_name = name.starts_with(|char: char| char.is_ascii_alphanumeric()) && !name.ends_with(['-', '.']);
    let rest = match rest.strip_prefix('[') {
        Some(extras) => extras.split_once(']')?.1.trim_start(),
        None => rest,
    };
    if let (true, Some(address)) = (is_name, rest.strip_prefix('@')) {
        let mut found = named(name);
        found.source = source_of(address.trim());
        found.integrity = hash_behind(address);
        return Some(found);
    }
    if rest.starts_with("://") || text.starts_with("git+") || text.contains("://") {
        let name = match text.split_once("#egg=").or_else(|| text.split_once("&egg=")) {
            Some((_, egg)) => egg.split(['&', '[']).next().unwrap_or("").to_owned(),
            None => name_of_address(text),
        };
        let mut found = named(&name);
        found.source = source_of(text);
        found.integrity = hash_behind(text);
        return Some(found);
    }
    if text.starts_with(['.', '/'])
        || text.contains('/')
        || text.ends_with(".whl")
        || text.ends_with(".tar.gz")
    {
        let mut found = named(
            text.rsplit('/')
                .find(|part| !part.is_empty() && *part != ".")
                .unwrap_or(text),
        );
        found.source = Source::Path(text.to_owned());
        return Some(found);
    }
    let fits = rest.is_empty() || rest.starts_with(['<', '>', '=', '!', '~', '(']);
    if !is_name || !fits {
        return None;
    }
    let mut found = named(name);
    found.requirement = rest
        .trim_start_matches('(')
        .trim_end_matches(')')
        .split_whitespace()
        .collect();
    found.version = exact(&found.requirement);
    found.integrity = integrity;
    Some(found)
}

/// The one version of `==1.2.3`.
pub(super) fn exact(specifiers: &str) -> Option<String> {
    let version = specifiers
        .strip_prefix("===")
        .or_else(|| specifiers.strip_prefix("=="))?;
    let version = version.trim();
    (!version.is_empty() && !version.contains([',', '*'])).then(|| version.to_owned())
}

fn source_of(address: &str) -> Source {
    let is_repository = ["git+", "hg+", "svn+", "bzr+"]
        .iter()
        .any(|kind| address.starts_with(kind));
    match address.strip_prefix("file:") {
        Some(path) => Source::Path(path.trim_start_matches("//").to_owned()),
        None if is_repository => Source::Git(address.to_owned()),
        None => Source::Archive(address.to_owned()),
    }
}

fn hash_behind(address: &str) -> Vec<String> {
    let fragment = address.split_once('#').map_or("", |(_, fragment)| fragment);
    fragment
        .split('&')
        .filter(|part| {
            ["sha256=", "sha384=", "sha512="]
                .iter()
                .any(|kind| part.starts_with(kind))
        })
        .map(str::to_owned)
        .collect()
}

/// `https://…/some_thing-1.2.tar.gz` is called `some_thing`.
fn name_of_address(address: &str) -> String {
    let path = address.split(['#', '?']).next().unwrap_or(address);
    // An archive that a code host makes is named after the branch.
    let path = path
        .split_once("/archive/")
        .map_or(path, |(repository, _)| repository);
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or(path);
    let last = last.split('@').next().unwrap_or(last).trim_end_matches(".git");
    let version = last
        .match_indices('-')
        .find(|(at, _)| last[at + 1..].starts_with(|char: char| char.is_ascii_digit()));
    version.map_or(last, |(at, _)| &last[..at]).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let listing = file(text).expect("it is read");
        let mut lines: Vec<String> = listing
            .dependencies
            .iter()
            .map(|one| {
                let version = one.version.as_deref().unwrap_or("-");
                format!(
                    "{} {} {version} {} {:?}",
                    one.name,
                    one.requirement,
                    one.integrity.len(),
                    one.source
                )
            })
            .collect();
        let registries = listing.registries.iter();
        lines.extend(registries.map(|one| format!("{} extra={}", one.url, one.extra)));
        lines.extend(listing.includes.iter().map(|path| format!("includes {path}")));
        lines.extend(listing.unread);
        lines
    }

    #[test]
    fn every_kind_of_line_is_read() {
        let text = "# what we need\n-r base.txt\n--extra-index-url https://pkgs.example.org/simple # ours\nFlask_Login[x]>=1.0, <2 ; python_version < '3'\nrequests==2.31.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\nlib @ git+https://example.org/lib.git@v1#egg=lib\nhttps://example.org/d/thing-1.2.tar.gz#sha256=cc\n-e ./local\n???\n";
        assert_eq!(
            shown(text),
            [
                "flask-login >=1.0,<2 - 0 Registry(None)",
                "requests ==2.31.0 2.31.0 2 Registry(None)",
                "lib  - 0 Git(\"git+https://example.org/lib.git@v1#egg=lib\")",
                "thing  - 1 Archive(\"https://example.org/d/thing-1.2.tar.gz#sha256=cc\")",
                "local  - 0 Path(\"./local\")",
                "https://pkgs.example.org/simple extra=true",
                "includes base.txt",
                "`???` is no requirement",
            ]
        );
    }

    #[test]
    fn a_place_is_the_first_line_of_a_requirement() {
        let text = "a\n  requests==1 \\\n   --hash=sha256:aa\n";
        let listing = file(text).expect("it is read");
        assert_eq!(&text[listing.dependencies[1].span.clone()], "requests==1");
    }
}
