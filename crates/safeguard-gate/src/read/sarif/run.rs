//! One run of a scanner: whether it can be believed, and what it found.

use safeguard_api::evidence::{FINDING_STEPS_MAX, Finding, FindingState, Severity, Spot};
use safeguard_api::id::Digest;
use safeguard_api::suppression::{SUPPRESSION_API, SilencingComment, SuppressionStatement};
use safeguard_api::time::Timestamp;

use super::shape::{
    ArtifactLocation, BaselineState, Kind, Level, PhysicalLocation, Properties, Rule, Run, RunResult,
    SuppressionKind, SuppressionStatus, TextOrNumber,
};
use crate::unreadable::shown;

/// How far a chain of base names is followed.
const BASES_MAX: usize = 8;
/// Where a result has the identity of its finding, as `safeguard check` writes it.
const IDENTITY: &str = "safeguard/v1";
const NO_NAME: &str = "unnamed";
const NO_RULE: &str = "unnamed-rule";

/// Why the run can not speak for a gate.
pub fn doubts(run: &Run) -> Vec<String> {
    let mut doubts = Vec::new();
    if run.tool.driver.name().is_none() {
        doubts.push("the tool has no name".to_owned());
    }
    if run.results.is_none() {
        doubts.push("it has no `results`: the scan was not made, or failed".to_owned());
    }
    let components = std::iter::once(&run.tool.driver).chain(&run.tool.extensions.items);
    let rules_dropped: u64 = components.map(|component| component.rules.dropped).sum();
    if rules_dropped > 0 || run.tool.extensions.dropped > 0 {
        doubts.push(
            "more rules or extensions than are read: the severity of a result could be missed".to_owned(),
        );
    }
    for invocation in run.invocations.iter().flat_map(|invocations| &invocations.items) {
        match invocation.execution_successful {
            Some(true) => {}
            Some(false) => doubts.push("`executionSuccessful` is false".to_owned()),
            None => doubts.push("an invocation does not say `executionSuccessful`".to_owned()),
        }
        let errors = invocation.tool_execution_notifications.items.iter();
        let errors: Vec<_> = errors.filter(|note| note.level == Some(Level::Error)).collect();
        if let Some(first) = errors.first() {
            let text = first.message.as_ref().and_then(|message| message.text.as_ref());
            let text = text.map_or("without a text", |text| text.0.as_str());
            doubts.push(format!(
                "errors while it ran: {}, the first: {}",
                errors.len(),
                shown(text, 120)
            ));
        }
    }
    doubts
}

pub fn ended_at(run: &Run) -> Option<Timestamp> {
    let invocations = run.invocations.iter().flat_map(|invocations| &invocations.items);
    let times = invocations.filter_map(|invocation| invocation.end_time_utc.as_ref());
    // A time that can not be read is not there; its evidence then counts from when it was added.
    times.filter_map(|time| time.0.parse().ok()).max()
}

pub fn findings(run: &Run) -> impl Iterator<Item = Finding> {
    let results = run.results.iter().flat_map(|results| &results.items);
    results
        .filter(|result| match result.kind.unwrap_or(Kind::Fail) {
            Kind::Fail | Kind::Open | Kind::Review => true,
            Kind::Informational | Kind::Pass | Kind::NotApplicable => false,
        })
        .map(|result| finding(run, result))
}

fn finding(run: &Run, result: &RunResult) -> Finding {
    let rule = rule_of(run, result);
    let tool = run.tool.driver.name().unwrap_or(NO_NAME).to_owned();
    let id = result
        .rule_id
        .as_ref()
        .or(result.rule.as_deref().and_then(|rule| rule.id.as_ref()));
    let rule_id = id
        .or(rule.map(|rule| &rule.id))
        .map_or(NO_RULE, |id| id.0.as_str())
        .to_owned();
    let message = result.message.as_ref().and_then(|message| message.text.as_ref());
    let message = message.map_or_else(String::new, |text| shown(&text.0, usize::MAX));
    let properties = [
        result.properties.as_deref(),
        rule.and_then(|rule| rule.properties.as_deref()),
    ];
    let score = properties.into_iter().flatten().find_map(score);
    let first = result
        .locations
        .items
        .first()
        .and_then(|location| location.physical_location.as_deref());
    let path = first.and_then(|location| path(run, location));
    let (line, end_line) = first.map_or((None, None), region);
    Finding {
        severity: match score {
            Some(score) => severity_of_score(score),
            None => severity_of_level(level(result, rule)),
        },
        security: score.is_some() || properties.into_iter().flatten().any(speaks_of_security),
        fingerprint: fingerprint(result, [&tool, &rule_id, path.as_deref().unwrap_or(""), &message]),
        path,
        line,
        end_line,
        steps: steps(run, result),
        message,
        state: state(result),
        comment: comment(result, &rule_id),
        rule: rule_id,
        tool,
    }
}

/// The comment that would let it pass, if the report tells each part of what it says.
fn comment(result: &RunResult, rule: &str) -> Option<SilencingComment> {
    let fingerprints = result.partial_fingerprints.as_ref()?;
    let finding = &fingerprints.0.get(IDENTITY)?.0;
    result.suppressions.items.iter().find_map(|one| {
        let said = &one.properties;
        Some(SilencingComment {
            statement: SuppressionStatement {
                api: SUPPRESSION_API.to_owned(),
                finding: finding.clone(),
                rule: rule.to_owned(),
                reason: said.reason.as_ref()?.0.clone(),
                owner: said.owner.as_ref()?.0.clone(),
                until: said.until.as_ref()?.0.clone(),
            },
            approval: said.approval.as_ref().map(|line| line.0.clone()),
        })
    })
}

/// The rule that a result names: by index into the component that it names, else by id.
fn rule_of<'r>(run: &'r Run, result: &RunResult) -> Option<&'r Rule> {
    let reference = result.rule.as_deref();
    let component = reference
        .and_then(|rule| rule.tool_component.as_ref())
        .and_then(|component| component.index);
    let rules = match component.and_then(|index| usize::try_from(index).ok()) {
        Some(index) => &run.tool.extensions.items.get(index)?.rules.items,
        None => &run.tool.driver.rules.items,
    };
    let index = result.rule_index.or(reference.and_then(|rule| rule.index));
    let by_index = index
        .and_then(|index| usize::try_from(index).ok())
        .and_then(|index| rules.get(index));
    if by_index.is_some() {
        return by_index;
    }
    let id = &result
        .rule_id
        .as_ref()
        .or(reference.and_then(|rule| rule.id.as_ref()))?
        .0;
    let components = std::iter::once(&run.tool.driver).chain(&run.tool.extensions.items);
    let all = || components.clone().flat_map(|component| &component.rules.items);
    // `CA1000/1` is a part of rule `CA1000`.
    let parent = id.rsplit_once('/').map(|(parent, _)| parent);
    let called = |name: &str| all().find(|rule| rule.id.0 == name);
    called(id).or_else(|| called(parent?))
}

fn level(result: &RunResult, rule: Option<&Rule>) -> Level {
    let of_rule = rule.and_then(|rule| rule.default_configuration.as_ref());
    result
        .level
        .or(of_rule.and_then(|configuration| configuration.level))
        .unwrap_or(Level::Warning)
}

fn severity_of_level(level: Level) -> Severity {
    match level {
        Level::Error => Severity::High,
        Level::Warning => Severity::Medium,
        Level::Note => Severity::Low,
        Level::None => Severity::Note,
    }
}

/// By the bounds of CVSS.
pub(in crate::read) fn severity_of_score(score: f64) -> Severity {
    match score {
        score if score >= 9.0 => Severity::Critical,
        score if score >= 7.0 => Severity::High,
        score if score >= 4.0 => Severity::Medium,
        score if score > 0.0 => Severity::Low,
        _ => Severity::Note,
    }
}

fn score(properties: &Properties) -> Option<f64> {
    let score = match properties.security_severity.as_ref()? {
        TextOrNumber::Text(text) => text.trim().parse().ok()?,
        TextOrNumber::Number(number) => *number,
    };
    score.is_finite().then_some(score)
}

fn speaks_of_security(properties: &Properties) -> bool {
    properties.tags.items.iter().any(|tag| {
        let tag = tag.0.to_ascii_lowercase();
        tag == "security"
            || tag.starts_with("cwe-")
            || tag.contains("/cwe/")
            || tag.starts_with("external/cwe")
    })
}

fn state(result: &RunResult) -> FindingState {
    let suppressions = &result.suppressions.items;
    let accepted = suppressions.iter().all(|one| {
        one.status
            .is_none_or(|status| status == SuppressionStatus::Accepted)
    });
    if !suppressions.is_empty() && accepted && result.suppressions.dropped == 0 {
        let in_source = suppressions
            .iter()
            .any(|one| one.kind != Some(SuppressionKind::External));
        return match in_source {
            true => FindingState::Silenced,
            false => FindingState::Suppressed,
        };
    }
    match result.baseline_state {
        Some(BaselineState::New) => FindingState::New,
        Some(BaselineState::Unchanged) => FindingState::Unchanged,
        Some(BaselineState::Absent) => FindingState::Absent,
        // It was there in another form; whether this form is new the diff knows.
        Some(BaselineState::Updated) | None => FindingState::Unsaid,
    }
}

fn region(location: &PhysicalLocation) -> (Option<u32>, Option<u32>) {
    let Some(region) = &location.region else {
        return (None, None);
    };
    let line = region.start_line.and_then(line_number);
    let end = region.end_line.and_then(line_number);
    (line, end.filter(|end| line.is_some_and(|line| line < *end)))
}

fn line_number(number: f64) -> Option<u32> {
    let fits = (1.0..=f64::from(u32::MAX)).contains(&number) && number.fract() == 0.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "within the bounds, and whole"
    )]
    fits.then_some(number as u32)
}

/// Where else the finding comes from: its other locations, and the steps of its flows.
fn steps(run: &Run, result: &RunResult) -> Vec<Spot> {
    let flows = result
        .code_flows
        .items
        .iter()
        .flat_map(|flow| &flow.thread_flows.items);
    let flow_locations = flows
        .flat_map(|flow| &flow.locations.items)
        .filter_map(|step| step.location.as_ref());
    let mut steps: Vec<Spot> = result
        .locations
        .items
        .iter()
        .skip(1)
        .chain(flow_locations)
        .filter_map(|location| location.physical_location.as_deref())
        .filter_map(|location| {
            Some(Spot {
                path: path(run, location)?,
                line: region(location).0?,
            })
        })
        .collect();
    steps.sort();
    steps.dedup();
    steps.truncate(FINDING_STEPS_MAX);
    steps
}

/// The path below the repository's root, as far as the report tells where that is.
fn path(run: &Run, location: &PhysicalLocation) -> Option<String> {
    let location = location.artifact_location.as_ref()?;
    let by_index = || {
        let index = usize::try_from(location.index?).ok()?;
        run.artifacts.items.get(index)?.location.as_ref()
    };
    let location = match location.uri {
        Some(_) => location,
        None => by_index()?,
    };
    let uri = decoded(&location.uri.as_ref()?.0);
    let base = base_path(run, location);
    let path = match (uri.strip_prefix("file://"), base) {
        (Some(absolute), _) => below_a_base(run, absolute),
        (None, Some(base)) => base + &uri,
        (None, None) => uri,
    };
    let path = path.trim_start_matches("./");
    (!path.is_empty()).then(|| path.to_owned())
}

/// What the location's base adds to its path. A base that is absolute is taken as the repository's root.
fn base_path(run: &Run, location: &ArtifactLocation) -> Option<String> {
    let mut base = String::new();
    let mut id = location.uri_base_id.as_ref()?.0.clone();
    for _ in 0..BASES_MAX {
        let Some(named) = run.original_uri_base_ids.0.get(&id) else {
            break;
        };
        if let Some(uri) = &named.uri {
            let uri = decoded(&uri.0);
            if uri.contains("://") || uri.starts_with('/') {
                break;
            }
            base.insert_str(0, &uri);
        }
        match &named.uri_base_id {
            Some(next) => id = next.0.clone(),
            None => break,
        }
    }
    Some(base)
}

/// An absolute path without the longest base that it lies in.
fn below_a_base(run: &Run, absolute: &str) -> String {
    let bases = run
        .original_uri_base_ids
        .0
        .values()
        .filter_map(|base| base.uri.as_ref());
    let below = bases.filter_map(|base| {
        let base = decoded(&base.0);
        let base = base.strip_prefix("file://")?.trim_end_matches('/').to_owned();
        absolute.strip_prefix(&base)?.strip_prefix('/').map(str::to_owned)
    });
    below
        .min_by_key(String::len)
        .unwrap_or_else(|| absolute.to_owned())
}

/// Undoes percent-encoding; what is not encoded well stays as it is.
fn decoded(uri: &str) -> String {
    let mut bytes = Vec::with_capacity(uri.len());
    let mut rest = uri.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex
            .filter(|_| *first == b'%')
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| uri.to_owned())
}

/// The tool's own fingerprints, else what stays the same when lines move.
fn fingerprint(result: &RunResult, parts: [&str; 4]) -> String {
    let own = [&result.fingerprints, &result.partial_fingerprints];
    let own = own.into_iter().flatten().find(|own| !own.0.is_empty());
    let [tool, rule, path, message] = parts;
    let mut text = format!("{tool}\n{rule}\n{path}\n");
    match own {
        Some(own) => own.0.iter().for_each(|(name, value)| {
            text.push_str(&format!("{name}={}\n", value.0));
        }),
        None => text.push_str(message),
    }
    Digest::of(text.as_bytes()).hex()[..16].to_owned()
}
