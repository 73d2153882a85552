//! One advisory, and whether a version is affected by it.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use safeguard_api::evidence::Severity;
use serde::Deserialize;

use crate::package::Ecosystem;
use crate::version::Version;

/// How large one advisory may be; the largest that there are list every version of a kernel.
pub const ADVISORY_BYTES_MAX: usize = 16 << 20;
const EVENTS_MAX: usize = 10_000;
const VERSIONS_MAX: usize = 100_000;
const SUMMARY_CHARS_MAX: usize = 300;

/// What one advisory says of one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advisory {
    pub id: String,
    pub aliases: Vec<String>,
    pub summary: String,
    pub level: Level,
    pub affected: Vec<Affected>,
}

/// How bad it is: the worst that its CVSS vectors or its database say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The package itself is malicious.
    Malware,
    Known(Severity),
    Unknown,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Affected {
    pub ranges: Vec<Range>,
    pub versions: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    pub kind: RangeKind,
    pub events: Vec<Event>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeKind {
    Semver,
    Ecosystem,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Introduced(String),
    Fixed(String),
    LastAffected(String),
    Limit(String),
}

impl Event {
    pub fn version(&self) -> &str {
        match self {
            Event::Introduced(version)
            | Event::Fixed(version)
            | Event::LastAffected(version)
            | Event::Limit(version) => version,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum AdvisoryError {
    #[error("has {0} bytes (limit {ADVISORY_BYTES_MAX})")]
    TooLong(usize),
    #[error("is no advisory of the OSV schema: {0}")]
    Schema(String),
}

#[derive(Deserialize)]
struct Raw {
    id: String,
    #[serde(default)]
    withdrawn: Option<String>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    details: String,
    #[serde(default)]
    severity: Vec<RawSeverity>,
    #[serde(default)]
    affected: Vec<RawAffected>,
    #[serde(default)]
    database_specific: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct RawSeverity {
    #[serde(rename = "type")]
    kind: String,
    score: String,
}

#[derive(Deserialize)]
struct RawAffected {
    #[serde(default)]
    package: Option<RawPackage>,
    #[serde(default)]
    severity: Vec<RawSeverity>,
    #[serde(default)]
    ranges: Vec<RawRange>,
    #[serde(default)]
    versions: Vec<String>,
}

#[derive(Deserialize)]
struct RawPackage {
    ecosystem: String,
    name: String,
}

#[derive(Deserialize)]
struct RawRange {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    events: Vec<BTreeMap<String, String>>,
}

/// Reads an advisory of the OSV schema: for each package that is known here, what it says. Nothing where it was withdrawn.
pub fn read(json: &[u8]) -> Result<Vec<(Ecosystem, String, Advisory)>, AdvisoryError> {
    if json.len() > ADVISORY_BYTES_MAX {
        return Err(AdvisoryError::TooLong(json.len()));
    }
    let schema = |error: serde_json::Error| AdvisoryError::Schema(error.to_string());
    let raw: Raw = serde_json::from_slice(json).map_err(schema)?;
    if raw.withdrawn.is_some() {
        return Ok(Vec::new());
    }
    let of_database = raw
        .database_specific
        .as_ref()
        .and_then(|specific| specific.get("severity")?.as_str());
    let summary = match raw.summary.as_str() {
        "" => raw
            .details
            .lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or(""),
        summary => summary,
    };
    let summary: String = summary.trim().chars().take(SUMMARY_CHARS_MAX).collect();
    let mut found: Vec<(Ecosystem, String, Advisory)> = Vec::new();
    for one in raw.affected {
        let Some(package) = &one.package else { continue };
        let Some(ecosystem) = Ecosystem::of_osv(&package.ecosystem) else {
            continue;
        };
        let name = ecosystem.normal(&package.name);
        let affected = Affected {
            ranges: ranges(&one.ranges, &raw.id)?,
            versions: one.versions,
        };
        if affected.versions.len() > VERSIONS_MAX {
            return Err(AdvisoryError::Schema(format!(
                "more than {VERSIONS_MAX} versions"
            )));
        }
        let level = level(&raw.id, raw.severity.iter().chain(&one.severity), of_database);
        match found
            .iter_mut()
            .find(|(of, other, _)| *of == ecosystem && *other == name)
        {
            Some((.., advisory)) => advisory.affected.push(affected),
            None => {
                let advisory = Advisory {
                    id: raw.id.clone(),
                    aliases: raw.aliases.clone(),
                    summary: summary.clone(),
                    level,
                    affected: vec![affected],
                };
                found.push((ecosystem, name, advisory));
            }
        }
    }
    Ok(found)
}

fn ranges(raw: &[RawRange], id: &str) -> Result<Vec<Range>, AdvisoryError> {
    let mut ranges = Vec::new();
    for range in raw {
        let kind = match range.kind.as_str() {
            "SEMVER" => RangeKind::Semver,
            "ECOSYSTEM" => RangeKind::Ecosystem,
            // Commits say nothing of a version.
            "GIT" => continue,
            other => {
                return Err(AdvisoryError::Schema(format!(
                    "`{id}` has a range of type `{other}`"
                )));
            }
        };
        if range.events.len() > EVENTS_MAX {
            return Err(AdvisoryError::Schema(format!("more than {EVENTS_MAX} events")));
        }
        let mut events = Vec::new();
        for (key, version) in range.events.iter().flatten() {
            let version = version.clone();
            events.push(match key.as_str() {
                "introduced" => Event::Introduced(version),
                "fixed" => Event::Fixed(version),
                "last_affected" => Event::LastAffected(version),
                "limit" => Event::Limit(version),
                other => return Err(AdvisoryError::Schema(format!("`{id}` has an event `{other}`"))),
            });
        }
        ranges.push(Range { kind, events });
    }
    Ok(ranges)
}

fn level<'r>(id: &str, vectors: impl Iterator<Item = &'r RawSeverity>, of_database: Option<&str>) -> Level {
    if id.starts_with("MAL-") {
        return Level::Malware;
    }
    let scored = vectors
        .filter_map(|one| severity_of_vector(&one.kind, &one.score))
        .max();
    let named = of_database.and_then(|name| match name.to_ascii_uppercase().as_str() {
        "CRITICAL" => Some(Severity::Critical),
        "HIGH" => Some(Severity::High),
        "MODERATE" | "MEDIUM" => Some(Severity::Medium),
        "LOW" => Some(Severity::Low),
        _ => None,
    });
    // Where the database rates it itself, people have looked at more than the vector.
    named.or(scored).map_or(Level::Unknown, Level::Known)
}

fn severity_of_vector(kind: &str, score: &str) -> Option<Severity> {
    if !matches!(kind, "CVSS_V3" | "CVSS_V4") {
        return None;
    }
    let vector: cvss::Cvss = score.parse().ok()?;
    Some(match vector.severity() {
        cvss::Severity::Critical => Severity::Critical,
        cvss::Severity::High => Severity::High,
        cvss::Severity::Medium => Severity::Medium,
        cvss::Severity::Low => Severity::Low,
        cvss::Severity::None => Severity::Note,
    })
}

impl Advisory {
    /// Whether the version is affected; nothing where that can not be told.
    pub fn affects(&self, ecosystem: Ecosystem, version: &str) -> Option<bool> {
        let read = Version::read(ecosystem, version);
        let mut unknown = false;
        for affected in &self.affected {
            if affected
                .versions
                .iter()
                .any(|one| is_same(ecosystem, one, version, read.as_ref()))
            {
                return Some(true);
            }
            for range in &affected.ranges {
                match (&read, is_within(ecosystem, range, read.as_ref())) {
                    (_, Some(true)) => return Some(true),
                    (Some(_), Some(false)) => {}
                    (None, _) | (_, None) => unknown = true,
                }
            }
        }
        (!unknown).then_some(false)
    }

    /// The lowest version above this one that is mended, and one that is not affected again.
    pub fn fixed_in(&self, ecosystem: Ecosystem, version: &str) -> Option<String> {
        let read = Version::read(ecosystem, version)?;
        let events = self
            .affected
            .iter()
            .flat_map(|one| &one.ranges)
            .flat_map(|range| &range.events);
        let mut fixed: Vec<(Version, &str)> = events
            .filter_map(|event| match event {
                Event::Fixed(fixed) => Some((Version::read(ecosystem, fixed)?, fixed.as_str())),
                Event::Introduced(_) | Event::LastAffected(_) | Event::Limit(_) => None,
            })
            .filter(|(fixed, _)| fixed.compare(&read) == Some(Ordering::Greater))
            .collect();
        fixed.sort_by(|(left, _), (right, _)| left.compare(right).unwrap_or(Ordering::Equal));
        fixed
            .into_iter()
            .map(|(_, text)| text)
            .find(|text| self.affects(ecosystem, text) == Some(false))
            .map(str::to_owned)
    }
}

fn is_same(ecosystem: Ecosystem, listed: &str, version: &str, read: Option<&Version>) -> bool {
    if listed == version {
        return true;
    }
    // Most lists are long, and most entries differ where they begin.
    let begins = |text: &str| text.trim_start_matches('v').bytes().next();
    if begins(listed) != begins(version) {
        return false;
    }
    match (Version::read(ecosystem, listed), read) {
        (Some(listed), Some(read)) => listed.compare(read) == Some(Ordering::Equal),
        _ => false,
    }
}

/// The events of a range in the order of their versions, each of which turns it on or off (the algorithm of the schema).
fn is_within(ecosystem: Ecosystem, range: &Range, version: Option<&Version>) -> Option<bool> {
    let version = version?;
    let mut events: Vec<(Option<Version>, &Event)> = Vec::new();
    for event in &range.events {
        let text = event.version();
        let read = if text == "0" {
            None
        } else {
            Some(Version::read(ecosystem, text)?)
        };
        events.push((read, event));
    }
    // A limit takes part only where it is a version.
    let is_limited = |(read, event): &(Option<Version>, &Event)| {
        matches!(event, Event::Limit(_))
            && read.as_ref().is_some_and(|limit| {
                matches!(version.compare(limit), Some(Ordering::Greater | Ordering::Equal))
            })
    };
    let has_limit = events
        .iter()
        .any(|(_, event)| matches!(event, Event::Limit(text) if text != "*"));
    if has_limit
        && events
            .iter()
            .filter(|(_, event)| matches!(event, Event::Limit(_)))
            .all(is_limited)
    {
        return Some(false);
    }
    // Of two at one version, the end comes before the next beginning.
    let rank = |event: &Event| u8::from(matches!(event, Event::Introduced(_)));
    events.sort_by(|(left, one), (right, two)| match (left, right) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (Some(left), Some(right)) => left
            .compare(right)
            .unwrap_or(Ordering::Equal)
            .then(rank(one).cmp(&rank(two))),
    });
    let mut within = false;
    for (read, event) in &events {
        let order = read
            .as_ref()
            .map_or(Some(Ordering::Greater), |read| version.compare(read))?;
        match event {
            Event::Introduced(_) if order != Ordering::Less => within = true,
            Event::Fixed(_) if order != Ordering::Less => within = false,
            Event::LastAffected(_) if order == Ordering::Greater => within = false,
            _ => {}
        }
    }
    Some(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advisory(affected: &str) -> Advisory {
        let json = format!(
            r#"{{"id":"GHSA-1","summary":"s","severity":[{{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}}],
            "affected":[{{"package":{{"ecosystem":"PyPI","name":"Some_Thing"}},{affected}}}]}}"#
        );
        let mut all = read(json.as_bytes()).expect("it is read");
        let (ecosystem, name, advisory) = all.remove(0);
        assert_eq!((ecosystem, name.as_str()), (Ecosystem::Pypi, "some-thing"));
        advisory
    }

    fn affected(advisory: &Advisory, versions: &[&str]) -> Vec<Option<bool>> {
        versions
            .iter()
            .map(|version| advisory.affects(Ecosystem::Pypi, version))
            .collect()
    }

    #[test]
    fn ranges_begin_end_and_begin_again() {
        let one = advisory(
            r#""ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.2"},{"introduced":"2.0"},{"fixed":"2.1"}]}]"#,
        );
        assert_eq!(
            affected(&one, &["1.0", "1.2", "1.9", "2.0", "2.0.5", "2.1", "nonsense"]),
            [
                Some(true),
                Some(false),
                Some(false),
                Some(true),
                Some(true),
                Some(false),
                None
            ]
        );
        assert_eq!(one.level, Level::Known(Severity::Critical));
        assert_eq!(one.fixed_in(Ecosystem::Pypi, "1.0").as_deref(), Some("1.2"));
        assert_eq!(one.fixed_in(Ecosystem::Pypi, "2.0").as_deref(), Some("2.1"));
    }

    #[test]
    fn the_last_that_is_affected_is() {
        let one = advisory(
            r#""ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"1.0"},{"last_affected":"1.5"}]}]"#,
        );
        assert_eq!(
            affected(&one, &["0.9", "1.0", "1.5", "1.5.1"]),
            [Some(false), Some(true), Some(true), Some(false)]
        );
        assert_eq!(one.fixed_in(Ecosystem::Pypi, "1.0"), None);
    }

    #[test]
    fn a_list_of_versions_and_limits_count() {
        let one = advisory(r#""versions":["1.0","1.1.0"]"#);
        assert_eq!(
            affected(&one, &["1.0.0", "1.1", "1.2"]),
            [Some(true), Some(true), Some(false)]
        );
        let limited =
            advisory(r#""ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"limit":"3.0"}]}]"#);
        assert_eq!(affected(&limited, &["2.9", "3.0"]), [Some(true), Some(false)]);
    }

    #[test]
    fn what_was_withdrawn_says_nothing_and_malware_is_told() {
        let withdrawn = br#"{"id":"X","withdrawn":"2024-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"npm","name":"a"}}]}"#;
        assert!(read(withdrawn).expect("it is read").is_empty());
        let malware = br#"{"id":"MAL-2024-1","affected":[{"package":{"ecosystem":"npm","name":"a"},"versions":["1.0.0"]}]}"#;
        assert_eq!(read(malware).expect("it is read")[0].2.level, Level::Malware);
        assert!(read(b"{}").is_err());
        let unknown = br#"{"id":"X","affected":[{"package":{"ecosystem":"npm","name":"a"},"ranges":[{"type":"NEW","events":[]}]}]}"#;
        assert!(read(unknown).is_err());
    }

    #[test]
    fn vectors_of_version_4_are_rated() {
        let json = br#"{"id":"X","severity":[{"type":"CVSS_V4","score":"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"}],
            "affected":[{"package":{"ecosystem":"npm","name":"a"},"versions":["1.0.0"]}]}"#;
        assert_eq!(
            read(json).expect("it is read")[0].2.level,
            Level::Known(Severity::Critical)
        );
    }
}
