//! What registries say of packages: their answers as text in, facts out. Whoever asks them is elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::package::Ecosystem;

/// Scripts that npm runs at an installation.
const INSTALL_SCRIPTS: &[&str] = &["preinstall", "install", "postinstall"];

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Known(Facts),
    /// The registry has no such package.
    Absent,
    /// Why there is no answer.
    Unreachable(String),
    /// It was not to be asked, or there is no way to.
    NotAsked,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub versions: BTreeMap<String, Release>,
    /// When the first version came out, in seconds since 1970; nothing where the registry does not tell.
    pub first: Option<i64>,
    /// The registry has put an empty package there, since what was there before was malicious.
    pub held: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    pub published: Option<i64>,
    pub yanked: bool,
    pub install_script: bool,
}

impl Facts {
    /// A version as it is written, or as another writing of it.
    pub fn version(&self, ecosystem: Ecosystem, version: &str) -> Option<&Release> {
        self.versions.get(version).or_else(|| {
            let wanted = crate::version::Version::read(ecosystem, version)?;
            self.versions.iter().find_map(|(text, release)| {
                let read = crate::version::Version::read(ecosystem, text)?;
                (read.compare(&wanted) == Some(std::cmp::Ordering::Equal)).then_some(release)
            })
        })
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the registry's answer is not understood: {0}")]
pub struct AnswerError(String);

/// A time of RFC 3339, in seconds since 1970; a date alone begins its day.
pub fn seconds(time: &str) -> Option<i64> {
    let time = time.trim();
    let parse = |text: &str| text.parse::<Timestamp>().ok().map(Timestamp::as_second);
    parse(time)
        .or_else(|| parse(&format!("{time}Z")))
        .or_else(|| parse(&format!("{time}T00:00:00Z")))
}

fn json<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, AnswerError> {
    serde_json::from_str(text).map_err(|error| AnswerError(error.to_string()))
}

/// PyPI's simple index as JSON (PEP 691, PEP 700).
pub fn pypi(text: &str) -> Result<Facts, AnswerError> {
    #[derive(Deserialize)]
    struct Page {
        #[serde(default)]
        versions: Vec<String>,
        files: Vec<File>,
    }
    #[derive(Deserialize)]
    struct File {
        filename: String,
        #[serde(rename = "upload-time", default)]
        upload_time: Option<String>,
        #[serde(default)]
        yanked: serde_json::Value,
    }
    if text.trim_start().starts_with('<') {
        return pypi_page(text);
    }
    let page: Page = json(text)?;
    let mut facts = Facts::default();
    let mut seen = BTreeSet::new();
    for version in page.versions {
        facts.versions.insert(version, Release::default());
    }
    for file in page.files {
        let published = file.upload_time.as_deref().and_then(seconds);
        facts.first = earlier(facts.first, published);
        let Some(version) = version_of_file(&file.filename) else {
            continue;
        };
        let yanked = !matches!(
            file.yanked,
            serde_json::Value::Null | serde_json::Value::Bool(false)
        );
        let is_first = seen.insert(version.clone());
        let release = facts.versions.entry(version).or_default();
        release.published = earlier(release.published, published);
        // A version is withdrawn when all its files are.
        release.yanked = yanked && (is_first || release.yanked);
    }
    Ok(facts)
}

/// The simple index as it was before (PEP 503): links to files, without when they came. A page without any is none.
pub fn pypi_page(text: &str) -> Result<Facts, AnswerError> {
    let mut facts = Facts::default();
    for link in text.split("<a ").skip(1) {
        let name = link
            .split_once('>')
            .and_then(|(_, rest)| rest.split('<').next())
            .unwrap_or("");
        if let Some(version) = version_of_file(name.trim()) {
            facts.versions.entry(version).or_default();
        }
    }
    if facts.versions.is_empty() {
        return Err(AnswerError("it is a page without files".to_owned()));
    }
    Ok(facts)
}

/// `name-1.2-py3-none-any.whl`, `name-1.2.tar.gz`.
fn version_of_file(name: &str) -> Option<String> {
    if let Some(wheel) = name.strip_suffix(".whl") {
        return wheel.split('-').nth(1).map(str::to_owned);
    }
    let stem = [".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz"]
        .iter()
        .find_map(|ending| name.strip_suffix(ending))?;
    stem.rsplit_once('-').map(|(_, version)| version.to_owned())
}

fn earlier(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// npm's document of a package.
pub fn npm(text: &str) -> Result<Facts, AnswerError> {
    #[derive(Deserialize)]
    struct Document {
        #[serde(default)]
        versions: BTreeMap<String, Published>,
        #[serde(default)]
        time: BTreeMap<String, serde_json::Value>,
    }
    #[derive(Deserialize)]
    struct Published {
        #[serde(default)]
        scripts: Option<BTreeMap<String, IgnoredAny>>,
        #[serde(rename = "hasInstallScript", default)]
        has_install_script: bool,
    }
    let document: Document = json(text)?;
    let mut facts = Facts {
        held: !document.versions.is_empty()
            && document
                .versions
                .keys()
                .all(|version| version.ends_with("-security")),
        ..Facts::default()
    };
    let times: BTreeMap<&str, i64> = document
        .time
        .iter()
        .filter_map(|(key, time)| Some((key.as_str(), seconds(time.as_str()?)?)))
        .collect();
    facts.first = times.values().copied().min();
    for (version, published) in document.versions {
        let scripts = published.scripts.unwrap_or_default();
        let has_script = INSTALL_SCRIPTS.iter().any(|script| scripts.contains_key(*script));
        let release = Release {
            published: times.get(version.as_str()).copied(),
            yanked: false,
            install_script: published.has_install_script || has_script,
        };
        facts.versions.insert(version, release);
    }
    Ok(facts)
}

/// A crate's file in the sparse index: a line of JSON for each version.
pub fn crates(text: &str) -> Result<Facts, AnswerError> {
    #[derive(Deserialize)]
    struct Line {
        vers: String,
        #[serde(default)]
        yanked: bool,
        #[serde(default)]
        pubtime: Option<String>,
    }
    let mut facts = Facts::default();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let line: Line = json(line)?;
        let published = line.pubtime.as_deref().and_then(seconds);
        facts.first = earlier(facts.first, published);
        let release = Release {
            published,
            yanked: line.yanked,
            install_script: false,
        };
        facts.versions.insert(line.vers, release);
    }
    Ok(facts)
}

/// `@v/VERSION.info` of a Go module proxy.
pub fn go_info(text: &str) -> Result<(String, Option<i64>), AnswerError> {
    #[derive(Deserialize)]
    struct Info {
        #[serde(rename = "Version")]
        version: String,
        #[serde(rename = "Time", default)]
        time: Option<String>,
    }
    let info: Info = json(text)?;
    Ok((info.version, info.time.as_deref().and_then(seconds)))
}

/// `maven-metadata.xml`: versions, without when they came.
pub fn maven(text: &str) -> Result<Facts, AnswerError> {
    if !text.contains("<metadata") {
        return Err(AnswerError("it is no metadata".to_owned()));
    }
    let mut facts = Facts::default();
    for part in text.split("<version>").skip(1) {
        let version = part.split('<').next().unwrap_or("").trim();
        facts.versions.insert(version.to_owned(), Release::default());
    }
    Ok(facts)
}

/// The path of a crate in the sparse index: `se/rd/serde`.
pub fn crates_path(name: &str) -> String {
    let name = name.to_lowercase();
    let two = |from: usize| name.get(from..from + 2).unwrap_or("");
    match name.len() {
        0..=2 => format!("{}/{name}", name.len()),
        3 => format!("3/{}/{name}", name.get(..1).unwrap_or("")),
        _ => format!("{}/{}/{name}", two(0), two(2)),
    }
}

/// A module's path with capitals marked, as proxies want it: `github.com/!azure/x`.
pub fn go_path(name: &str) -> String {
    let mut path = String::new();
    for char in name.chars() {
        if char.is_ascii_uppercase() {
            path.push('!');
        }
        path.push(char.to_ascii_lowercase());
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pypis_answer_is_read() {
        let text = r#"{"name":"a-b","versions":["1.0","2.0"],"files":[
            {"filename":"a-b-1.0.tar.gz","upload-time":"2024-01-02T03:04:05.678Z","yanked":false},
            {"filename":"a_b-2.0-py3-none-any.whl","upload-time":"2024-02-02T03:04:05Z","yanked":"broken"}]}"#;
        let facts = pypi(text).expect("it is read");
        assert_eq!(facts.first, seconds("2024-01-02T03:04:05Z"));
        let second = facts.version(Ecosystem::Pypi, "2.0.0").expect("it is there");
        assert_eq!(
            (second.yanked, second.published),
            (true, seconds("2024-02-02T03:04:05Z"))
        );
        assert!(pypi("<html>").is_err());
        let page = pypi("<!DOCTYPE html><a href=\"x\">torch-2.0.0+cu118-cp311-cp311-linux_x86_64.whl</a>")
            .expect("it is read");
        assert!(page.version(Ecosystem::Pypi, "2.0.0+cu118").is_some() && page.first.is_none());
    }

    #[test]
    fn npms_answer_is_read() {
        let text = r#"{"versions":{"1.0.0":{"scripts":{"postinstall":"node x"}},"1.1.0":{}},
            "time":{"created":"2024-01-01T00:00:00Z","modified":"2024-03-01T00:00:00Z","1.0.0":"2024-01-01T00:00:01Z","1.1.0":"2024-02-01T00:00:00Z"}}"#;
        let facts = npm(text).expect("it is read");
        assert!(facts.versions["1.0.0"].install_script && !facts.versions["1.1.0"].install_script);
        assert_eq!(facts.first, seconds("2024-01-01T00:00:00Z"));
        let held = npm(r#"{"versions":{"0.0.1-security":{}},"time":{}}"#).expect("it is read");
        assert!(held.held);
    }

    #[test]
    fn the_index_of_crates_is_read() {
        let text = "{\"name\":\"a\",\"vers\":\"0.1.0\",\"yanked\":true,\"pubtime\":\"2024-01-01T00:00:00Z\"}\n{\"name\":\"a\",\"vers\":\"0.2.0\",\"yanked\":false}\n";
        let facts = crates(text).expect("it is read");
        assert!(facts.versions["0.1.0"].yanked);
        assert_eq!(facts.first, seconds("2024-01-01"));
        assert_eq!(crates_path("Serde"), "se/rd/serde");
        assert_eq!(crates_path("abc"), "3/a/abc");
        assert_eq!(crates_path("ab"), "2/ab");
        assert_eq!(go_path("github.com/Azure/x"), "github.com/!azure/x");
    }
}
