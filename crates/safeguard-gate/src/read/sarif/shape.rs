//! The parts of a SARIF log that matter here, as they are written.

use safeguard_api::evidence::Tool;
use safeguard_api::suppression::APPROVAL_BYTES_MAX;
use serde::Deserialize;

use super::super::json::{Kept, Short, Table};
use super::super::{MESSAGE_BYTES_MAX, NAME_BYTES_MAX, PATH_BYTES_MAX};

pub const RUNS_MAX: usize = 20;
/// Results of a run that are looked at.
pub const RESULTS_MAX: usize = 20_000;
/// Rules of a component; a result without its rule could be taken for less than it is.
const RULES_MAX: usize = 5000;
const EXTENSIONS_MAX: usize = 16;
const TAGS_MAX: usize = 50;
const NOTIFICATIONS_MAX: usize = 1000;
const ARTIFACTS_MAX: usize = 50_000;
const BASES_MAX: usize = 64;
const FINGERPRINTS_MAX: usize = 16;
const INVOCATIONS_MAX: usize = 64;
const LOCATIONS_MAX: usize = 32;
const SUPPRESSIONS_MAX: usize = 16;
/// Flows of a result, and threads of a flow.
const FLOWS_MAX: usize = 4;

pub type Name = Short<NAME_BYTES_MAX>;
pub type Uri = Short<PATH_BYTES_MAX>;

#[derive(Deserialize)]
pub struct Log {
    pub version: Name,
    pub runs: Kept<Run, RUNS_MAX>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    pub tool: ToolShape,
    /// Absent when no scan was made; empty when one found nothing.
    pub results: Option<Kept<RunResult, RESULTS_MAX>>,
    pub invocations: Option<Kept<Invocation, INVOCATIONS_MAX>>,
    #[serde(default)]
    pub artifacts: Kept<Artifact, ARTIFACTS_MAX>,
    #[serde(default)]
    pub original_uri_base_ids: Table<ArtifactLocation, BASES_MAX>,
}

#[derive(Deserialize)]
pub struct ToolShape {
    pub driver: Component,
    #[serde(default)]
    pub extensions: Kept<Component, EXTENSIONS_MAX>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    name: Option<Name>,
    semantic_version: Option<Name>,
    version: Option<Name>,
    #[serde(default)]
    pub rules: Kept<Rule, RULES_MAX>,
}

impl Component {
    pub fn name(&self) -> Option<&str> {
        self.name
            .as_ref()
            .map(|name| name.0.trim())
            .filter(|name| !name.is_empty())
    }

    pub fn tool(&self) -> Option<Tool> {
        let version = self.semantic_version.as_ref().or(self.version.as_ref());
        Some(Tool {
            name: self.name()?.to_owned(),
            version: version.map(|version| version.0.clone()),
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    pub id: Name,
    pub default_configuration: Option<Configuration>,
    pub properties: Option<Box<Properties>>,
}

#[derive(Deserialize)]
pub struct Configuration {
    pub level: Option<Level>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum Level {
    None,
    Note,
    Warning,
    Error,
}

#[derive(Deserialize)]
pub struct Properties {
    #[serde(default)]
    pub tags: Kept<Name, TAGS_MAX>,
    /// A text such as `9.8`, by some tools a number.
    #[serde(rename = "security-severity")]
    pub security_severity: Option<TextOrNumber>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub enum TextOrNumber {
    Text(String),
    Number(f64),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Invocation {
    pub execution_successful: Option<bool>,
    #[serde(rename = "endTimeUtc")]
    pub end_time_utc: Option<Name>,
    #[serde(default)]
    pub tool_execution_notifications: Kept<Notification, NOTIFICATIONS_MAX>,
}

#[derive(Deserialize)]
pub struct Notification {
    pub level: Option<Level>,
    pub message: Option<Message>,
}

#[derive(Deserialize)]
pub struct Message {
    pub text: Option<Short<MESSAGE_BYTES_MAX>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunResult {
    pub rule_id: Option<Name>,
    pub rule_index: Option<i64>,
    pub rule: Option<Box<RuleReference>>,
    pub kind: Option<Kind>,
    pub level: Option<Level>,
    pub message: Option<Message>,
    #[serde(default)]
    pub locations: Kept<Location, LOCATIONS_MAX>,
    #[serde(default)]
    pub code_flows: Kept<CodeFlow, FLOWS_MAX>,
    pub baseline_state: Option<BaselineState>,
    #[serde(default)]
    pub suppressions: Kept<Suppression, SUPPRESSIONS_MAX>,
    pub partial_fingerprints: Option<Table<Short<MESSAGE_BYTES_MAX>, FINGERPRINTS_MAX>>,
    pub fingerprints: Option<Table<Short<MESSAGE_BYTES_MAX>, FINGERPRINTS_MAX>>,
    pub properties: Option<Box<Properties>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleReference {
    pub id: Option<Name>,
    pub index: Option<i64>,
    pub tool_component: Option<ComponentReference>,
}

#[derive(Deserialize)]
pub struct ComponentReference {
    pub index: Option<i64>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    Fail,
    Open,
    Review,
    Informational,
    Pass,
    NotApplicable,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "camelCase")]
pub enum BaselineState {
    New,
    Unchanged,
    Updated,
    Absent,
}

#[derive(Deserialize)]
pub struct Suppression {
    pub kind: Option<SuppressionKind>,
    pub status: Option<SuppressionStatus>,
    #[serde(default)]
    pub properties: SuppressionProperties,
}

/// What `safeguard check` says of a comment of its own kind.
#[derive(Deserialize, Default)]
pub struct SuppressionProperties {
    #[serde(rename = "safeguard/reason")]
    pub reason: Option<Short<MESSAGE_BYTES_MAX>>,
    #[serde(rename = "safeguard/owner")]
    pub owner: Option<Name>,
    #[serde(rename = "safeguard/until")]
    pub until: Option<Name>,
    #[serde(rename = "safeguard/approval")]
    pub approval: Option<Short<APPROVAL_BYTES_MAX>>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum SuppressionKind {
    InSource,
    External,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum SuppressionStatus {
    Accepted,
    UnderReview,
    Rejected,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Location {
    pub physical_location: Option<Box<PhysicalLocation>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PhysicalLocation {
    pub artifact_location: Option<ArtifactLocation>,
    pub region: Option<Region>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactLocation {
    pub uri: Option<Uri>,
    pub uri_base_id: Option<Name>,
    pub index: Option<i64>,
}

/// Numbers as they come: one that is no line is no place.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Region {
    pub start_line: Option<f64>,
    pub end_line: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CodeFlow {
    #[serde(default)]
    pub thread_flows: Kept<ThreadFlow, FLOWS_MAX>,
}

#[derive(Deserialize)]
pub struct ThreadFlow {
    #[serde(default)]
    pub locations: Kept<ThreadFlowLocation, LOCATIONS_MAX>,
}

#[derive(Deserialize)]
pub struct ThreadFlowLocation {
    pub location: Option<Location>,
}

#[derive(Deserialize)]
pub struct Artifact {
    pub location: Option<ArtifactLocation>,
}
