//! A release before its judges, built from the few words that the pages of the gates use.
//!
//! Unless a case says otherwise: the change adds lines 10 to 20 of `src/pay.rs`, another artifact is live, the settings
//! are the defaults, and nothing was ever added as evidence.

mod drills;
mod words;

use safeguard_api::change::{Change, ChangeSpec};
use safeguard_api::config::{Approver, Config, InstanceLimits, Policy};
use safeguard_api::diff::{Diff, FileDiff, FileStatus, History};
use safeguard_api::drill::{Drill, Fault, FaultKind, Writes};
use safeguard_api::evidence::{
    About, Components, Coverage, EvidenceSpec, Facts, Finding, FindingState, Findings, Format,
    InvariantCheck, Invariants, Layer, LineCoverage, Load, LoadSeries, MigrationRehearsal, Resources,
    Severity, Spot, Tests, Tool, Vulnerability,
};
use safeguard_api::gate::Gate;
use safeguard_api::id::{ChangeId, Digest, EvidenceId, ReleaseId, WaiverId};
use safeguard_api::time::{Span, Timestamp};
use safeguard_api::{
    Approval, Attestation, ChangeDocument, DocumentKind, Environment, Evidence, Release, Waiver,
};

use safeguard_gate::{Case, ChangeCase, InForce, Shown};

pub const NOW: Timestamp = Timestamp(1_800_000_000_000);

pub struct Scene {
    pub release: Release,
    pub changes: Vec<Change>,
    /// One for each change; none where a case says so.
    pub diffs: Vec<Option<Diff>>,
    /// One for each change, as the diffs are.
    pub histories: Vec<Option<History>>,
    pub documents: Vec<Vec<ChangeDocument>>,
    pub answers: Vec<Attestation>,
    pub made_in_freeze: bool,
    pub live: Option<Digest>,
    pub evidence: Vec<Evidence>,
    pub waivers: Vec<Waiver>,
    pub approvals: Vec<Approval>,
    pub limits: InstanceLimits,
    pub configuration: Digest,
    pub settings: String,
    /// In the policy of the release and in the one in force.
    pub approvers: Vec<Approver>,
    pub shown: Shown,
}

pub fn digest(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

fn commit(name: &str) -> String {
    digest(name).hex()[..40].to_owned()
}

impl Scene {
    pub fn new() -> Scene {
        let mut scene = Scene {
            release: Release {
                id: ReleaseId::new(1, 1),
                service: "shop".parse().unwrap(),
                artifact: digest("artifact"),
                version: "2".to_owned(),
                changes: Vec::new(),
                new_changes: Vec::new(),
                base: Some(ReleaseId::new(0, 1)),
                lane: safeguard_api::release::Lane::Standard,
                created_at: NOW,
                created_by: "ci".to_owned(),
            },
            changes: Vec::new(),
            diffs: Vec::new(),
            histories: Vec::new(),
            documents: Vec::new(),
            answers: Vec::new(),
            made_in_freeze: false,
            live: Some(digest("live")),
            evidence: Vec::new(),
            waivers: Vec::new(),
            approvals: Vec::new(),
            limits: InstanceLimits::default(),
            configuration: digest("configuration"),
            settings: String::new(),
            approvers: Vec::new(),
            shown: Shown::default(),
        };
        scene.change();
        scene
    }

    /// The scene of a page's case, a line each.
    pub fn of(lines: &str) -> Scene {
        let mut scene = Scene::new();
        for line in lines.lines().filter(|line| !line.trim().is_empty()) {
            scene.line(line);
        }
        let says_nothing = |diff: &Option<Diff>| diff.as_ref().is_some_and(|diff| diff.files.is_empty());
        if scene.diffs.iter().all(says_nothing) {
            scene.adds("src/pay.rs 10-20");
        }
        scene
    }

    pub fn judge<T>(&self, judge: impl FnOnce(&Case<'_>) -> T) -> T {
        let policy = self.policy();
        let changes: Vec<ChangeCase<'_>> = self
            .changes
            .iter()
            .zip(&self.diffs)
            .zip(self.histories.iter().zip(&self.documents))
            .map(|((change, diff), (history, documents))| ChangeCase {
                change,
                diff: diff.as_ref(),
                history: history.as_ref(),
                documents,
                answers: &self.answers,
                made_in_freeze: self.made_in_freeze,
                recorded_again: None,
            })
            .collect();
        judge(&Case {
            release: &self.release,
            changes: &changes,
            baseline: self.live.as_ref(),
            evidence: &self.evidence,
            waivers: &self.waivers,
            approvals: &self.approvals,
            passkeys: &[],
            environment: Environment::Production,
            in_force: &InForce {
                id: policy.id(),
                approvers: self.approvers.clone(),
            },
            limits: &self.limits,
            configuration: &self.configuration,
            policy: &policy,
            shown: self.shown,
            now: NOW,
        })
    }

    fn policy(&self) -> Policy {
        let gates = self
            .settings
            .lines()
            .map(|line| format!("gates.{line}\n"))
            .collect::<String>();
        let config: Config = toml::from_str(&format!("services = {{}}\n{gates}")).unwrap();
        Policy {
            approvers: self.approvers.clone(),
            ..config.policy()
        }
    }

    pub fn change(&mut self) {
        let number = self.changes.len() as u64 + 1;
        let id = ChangeId::new(number, 1);
        self.release.changes.push(id.clone());
        self.release.new_changes.push(id.clone());
        self.changes.push(Change {
            id,
            spec: ChangeSpec {
                service: "shop".parse().unwrap(),
                title: "a change".to_owned(),
                repository: None,
                base: commit(&format!("base {number}")),
                head: commit(&format!("head {number}")),
                merge_tree: None,
                author: "Ann <ann@example.org>".to_owned(),
                co_authors: Vec::new(),
                prompter: None,
                ai_tool: None,
                ai_tool_version: None,
                instead_of: None,
            },
            recorded_at: NOW,
            recorded_by: "ci".to_owned(),
            entry: number,
        });
        self.diffs.push(Some(Diff::default()));
        self.histories.push(None);
        self.documents.push(Vec::new());
    }

    /// `PATH FIRST-LAST`, by the last change.
    pub fn adds(&mut self, text: &str) {
        let (path, lines) = text.rsplit_once(' ').unwrap();
        let file = FileDiff {
            path: path.to_owned(),
            moved_from: None,
            status: FileStatus::Modified,
            mode: None,
            binary: false,
            added: lines.parse().unwrap(),
            removed_lines: 0,
        };
        self.diffs.last_mut().unwrap().as_mut().unwrap().files.push(file);
    }

    pub fn add(&mut self, facts: Facts) -> &mut Evidence {
        let number = self.evidence.len() as u64 + 1;
        let about = match facts {
            Facts::Load(_) | Facts::Resources(_) | Facts::Drill(_) => {
                About::Artifact(self.release.artifact.clone())
            }
            Facts::Findings(_)
            | Facts::Tests(_)
            | Facts::Coverage(_)
            | Facts::Components(_)
            | Facts::Invariants(_) => About::Commit(self.changes.last().unwrap().spec.head.clone()),
        };
        self.evidence.push(Evidence {
            id: EvidenceId::new(number, 1),
            spec: EvidenceSpec {
                service: "shop".parse().unwrap(),
                format: Format::Safeguard,
                about,
                layer: None,
                gate: None,
                tool: Some("k6".to_owned()),
                tool_version: None,
                measure: None,
                asked: None,
                produced_at: None,
            },
            document: digest(&format!("report {number}")),
            bytes: 1,
            facts,
            inconclusive: Vec::new(),
            added_at: Timestamp(NOW.0 - 60_000),
            added_by: "ci".to_owned(),
            entry: number,
        });
        self.evidence.last_mut().unwrap()
    }
}
