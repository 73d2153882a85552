//! Reads Kargo's promotion windows.
//!
//! Two forms: `promotionWindows` of a `ProjectConfig` or `ClusterConfig`, as in Kargo's `api/v1alpha1` at commit
//! 6c66261 (July 2026), and the resource `PromotionWindow` with a cron schedule of pull request 5544.

use chrono_tz::Tz;
use safeguard_api::Span;
use safeguard_api::freeze::WindowKind;
use serde::Deserialize;

use crate::cron;
use crate::error::{CalendarError, Trouble};
use crate::length::Length;
use crate::moment::Moment;
use crate::rule::Rule;
use crate::window::{Starts, Window};
use crate::zone;

pub(crate) const API_GROUP: &str = "kargo.akuity.io/";

/// A document of the file. What is not about windows is not looked at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
    /// Of a `List`.
    #[serde(default)]
    items: Vec<Document>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    name: String,
}

/// Of all kinds together.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    promotion_windows: Option<Vec<PromotionWindow>>,
    promotion_policies: Option<Vec<PromotionPolicy>>,
    kind: Option<Kind>,
    schedule: Option<String>,
    rrule: Option<String>,
    dtstart: Option<String>,
    dtend: Option<String>,
    duration: Option<String>,
    time_zone: Option<String>,
    label_selector: Option<Selector>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PromotionPolicy {
    promotion_windows: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PromotionWindow {
    name: String,
    kind: Kind,
    stage_selector: Option<Selector>,
    project_selector: Option<Selector>,
    rrule: Option<String>,
    dtstart: Option<String>,
    dtend: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
enum Kind {
    #[serde(alias = "Allow")]
    #[serde(rename = "allow")]
    Allow,
    #[serde(alias = "Deny")]
    #[serde(rename = "deny")]
    Deny,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Selector {
    #[serde(default)]
    name: String,
    match_labels: Option<serde::de::IgnoredAny>,
    match_expressions: Option<serde::de::IgnoredAny>,
}

/// Reads the windows of the text. Those with a selector belong to `stage`, a stage of Kargo's; without one, a window
/// with a selector is refused, since whom it concerns is not known.
pub(crate) fn parse(text: &str, zone: Option<Tz>, stage: Option<&str>) -> Result<Vec<Window>, CalendarError> {
    let documents: Vec<Document> = serde_saphyr::from_multiple(text).map_err(|error| {
        // The lines after the first show the place once more, as a picture.
        let error = error.to_string();
        let why = error.lines().next().unwrap_or(&error);
        CalendarError::from(Trouble::Unreadable(format!("not Kargo's YAML: {why}")))
    })?;
    let mut windows = Vec::new();
    for document in documents
        .iter()
        .flat_map(|one| std::iter::once(one).chain(&one.items))
    {
        let name = document.metadata.name.as_str();
        let in_place = |trouble: Trouble| trouble.of(format!("{} `{name}`", document.kind));
        if !document.api_version.starts_with(API_GROUP) {
            continue;
        }
        match document.kind.as_str() {
            "ProjectConfig" | "ClusterConfig" => {
                let policies = document.spec.promotion_policies.iter().flatten();
                if policies
                    .into_iter()
                    .any(|policy| policy.promotion_windows.is_some())
                {
                    let why = "promotionWindows within promotionPolicies are not supported: write them under spec.promotionWindows";
                    return Err(in_place(Trouble::NotSupported(why.to_owned())));
                }
                for own in document.spec.promotion_windows.iter().flatten() {
                    let in_place = |trouble: Trouble| trouble.of(format!("promotion window `{}`", own.name));
                    if concerns(own, stage).map_err(in_place)? {
                        windows.push(window(own, zone).map_err(in_place)?);
                    }
                }
            }
            "PromotionWindow" | "ClusterPromotionWindow" => {
                windows.push(resource(name, &document.spec, zone).map_err(in_place)?);
            }
            _ => {}
        }
    }
    if windows.is_empty() {
        return Err(Trouble::Missing("a promotion window of kargo.akuity.io that concerns us").into());
    }
    Ok(windows)
}

fn concerns(window: &PromotionWindow, stage: Option<&str>) -> Result<bool, Trouble> {
    let refuse = |what: &str| Err(Trouble::NotSupported(what.to_owned()));
    if window.project_selector.is_some() {
        return refuse(
            "projectSelector is not supported: give the windows of one project a file of their own",
        );
    }
    let Some(selector) = &window.stage_selector else {
        return Ok(true);
    };
    if selector.match_labels.is_some() || selector.match_expressions.is_some() || selector.name.contains(':')
    {
        return refuse("of a stageSelector only an exact name is supported");
    }
    match stage {
        Some(stage) => Ok(selector.name == stage),
        None => refuse("it has a stageSelector: say with `stage` which of Kargo's stages is meant"),
    }
}

fn window(window: &PromotionWindow, zone: Option<Tz>) -> Result<Window, Trouble> {
    let start = moment(window.dtstart.as_ref().ok_or(Trouble::Missing("dtstart"))?, zone)?;
    let end = moment(window.dtend.as_ref().ok_or(Trouble::Missing("dtend"))?, zone)?;
    let rules = window.rrule.iter().map(|rule| Rule::parse(rule));
    Ok(Window {
        label: window.name.clone(),
        kind: kind(window.kind),
        starts: Starts::From {
            start,
            rules: rules.collect::<Result<_, _>>()?,
        },
        rdates: Vec::new(),
        exdates: Vec::new(),
        length: Length::between(&start, &end)?,
    })
}

/// The resource of its own, with a cron schedule or a rule.
fn resource(name: &str, spec: &Spec, zone: Option<Tz>) -> Result<Window, Trouble> {
    if spec.label_selector.is_some() {
        return Err(Trouble::NotSupported("labelSelector is not supported".to_owned()));
    }
    // Without a zone Kargo takes UTC, whatever the calendar's own zone is.
    let zone = match &spec.time_zone {
        Some(name) => zone::find(name)?,
        None => zone.filter(|_| spec.dtstart.is_some()).unwrap_or(Tz::UTC),
    };
    let starts = match (&spec.schedule, &spec.rrule, &spec.dtstart) {
        (Some(schedule), None, None) => Starts::Always {
            zone,
            rules: cron::parse(schedule)?,
        },
        (None, rule, Some(start)) => Starts::From {
            start: moment(start, Some(zone))?,
            rules: rule
                .iter()
                .map(|rule| Rule::parse(rule))
                .collect::<Result<_, _>>()?,
        },
        // Which days a rule names depends on where it begins.
        (None, Some(_), None) => return Err(Trouble::Missing("dtstart")),
        (Some(_), _, _) => {
            return Err(Trouble::NotSupported(
                "it has both a schedule and a rule".to_owned(),
            ));
        }
        (None, None, None) => return Err(Trouble::Missing("schedule or dtstart")),
    };
    let length = match (&spec.duration, &spec.dtend, &starts) {
        (Some(text), None, _) => duration(text)?,
        (None, Some(end), Starts::From { start, .. }) => Length::between(start, &moment(end, Some(zone))?)?,
        (Some(_) | None, Some(_), _) => {
            return Err(Trouble::NotSupported(
                "dtend goes with dtstart, and without duration".to_owned(),
            ));
        }
        (None, None, _) => return Err(Trouble::Missing("duration")),
    };
    Ok(Window {
        label: name.to_owned(),
        kind: kind(spec.kind.ok_or(Trouble::Missing("kind"))?),
        starts,
        rdates: Vec::new(),
        exdates: Vec::new(),
        length,
    })
}

fn kind(kind: Kind) -> WindowKind {
    match kind {
        Kind::Allow => WindowKind::Allow,
        Kind::Deny => WindowKind::Deny,
    }
}

/// Go's durations, such as `1h30m`.
fn duration(text: &str) -> Result<Length, Trouble> {
    let span: Span = text
        .parse()
        .map_err(|_| Trouble::not_understood(text, "a duration such as `1h30m`"))?;
    if span == Span(0) {
        return Err(Trouble::not_understood(text, "a duration longer than nothing"));
    }
    Length::exact_ms(span.ms())
}

/// `TZID=America/New_York:20260101T090000`, or a time that has its zone from elsewhere.
fn moment(text: &str, zone: Option<Tz>) -> Result<Moment, Trouble> {
    match text.strip_prefix("TZID=").and_then(|rest| rest.split_once(':')) {
        Some((name, time)) => Moment::parse(time, Some(zone::find(name)?)),
        None => Moment::parse(text, zone),
    }
}
