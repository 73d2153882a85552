//! `safeguard audit replay`: computes again, from an export, what was decided, and compares it with what was recorded.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use safeguard_api::audit::{Event, Reference};
use safeguard_api::config::Policy;
use safeguard_api::risk::Risk;
use safeguard_api::traffic::{Evaluation, TripCause};
use safeguard_api::{Digest, GateReport, Rollout};
use safeguard_audit::Tile;
use safeguard_audit::tile::entries_of;
use safeguard_gate::{CaseFile, Parts};
use safeguard_rollout::judge::recompute;
use safeguard_rollout::plan::PlanFile;
use serde::Serialize;
use serde_json::Value;

use crate::audit;
use crate::failure::Failure;
use crate::output::{BAD, GOOD, Output};

const DIFFERENCES_MAX: usize = 100;
/// Who enters what the router did by itself.
const ROUTER: &str = "router";

#[derive(Debug, Default, Serialize)]
struct Replayed {
    verdicts: u64,
    plans: u64,
    judgements: u64,
    /// Decisions without a document to compute them again from: of a version before documents, or on a full disk. Nobody
    /// knows whether they come to the same.
    without_document: u64,
    /// The first [`DIFFERENCES_MAX`] of them.
    not_computed: Vec<Difference>,
    differences: Vec<Difference>,
    /// Differences beyond the first [`DIFFERENCES_MAX`].
    differences_left_out: u64,
}

impl Replayed {
    fn differ(&mut self, entry: u64, what: String) {
        if self.differences.len() < DIFFERENCES_MAX {
            self.differences.push(Difference { entry, what });
        } else {
            self.differences_left_out += 1;
        }
    }

    fn lacks_document(&mut self, entry: u64, what: String) {
        self.without_document += 1;
        if self.not_computed.len() < DIFFERENCES_MAX {
            self.not_computed.push(Difference { entry, what });
        }
    }
}

#[derive(Debug, Serialize)]
struct Difference {
    entry: u64,
    what: String,
}

/// Replays a folder whose log of `size` entries was verified before.
pub fn replay(folder: &Path, size: u64, output: &Output) -> Result<(), Failure> {
    let mut replay = Replay {
        content: folder.join("content"),
        policies: HashMap::new(),
        entered_under: HashMap::new(),
        told: Replayed::default(),
    };
    let mut entry = 0;
    for tile in Tile::of_level(0, size) {
        let path = folder.join(tile.entries_path());
        let bundle = audit::read_file(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
        let bundle = bundle.with_context(|| format!("`{}` is missing", path.display()))?;
        for bytes in entries_of(&bundle) {
            let bytes = bytes.map_err(|_| anyhow!("`{}` is cut short", path.display()))?;
            let event: Event =
                serde_json::from_slice(bytes).with_context(|| format!("entry {entry} is not an event"))?;
            match replay.entry(&event) {
                Ok(Computed::Again) => {}
                Ok(Computed::NothingKept(what)) => {
                    let what = format!("`{}`: the log names no {what}", event.kind);
                    replay.told.lacks_document(entry, what);
                }
                Err(why) => replay.told.differ(entry, format!("`{}`: {why:#}", event.kind)),
            }
            entry += 1;
        }
    }
    output.data(&replay.told, text)?;
    match (replay.told.differences.is_empty(), replay.told.without_document) {
        (false, _) => Err(Failure::Told),
        (true, 0) => Ok(()),
        (true, _) => Err(Failure::ToldUndecided),
    }
}

/// What became of one entry.
enum Computed {
    /// It comes to the same, or nothing was decided with it.
    Again,
    /// It is a decision, and what it was made from was not kept.
    NothingKept(&'static str),
}

struct Replay {
    content: PathBuf,
    /// By their ids: the log has every policy that was ever in force.
    policies: HashMap<String, Policy>,
    /// The policy that each release entered under.
    entered_under: HashMap<String, String>,
    told: Replayed,
}

impl Replay {
    fn entry(&mut self, event: &Event) -> anyhow::Result<Computed> {
        let reference = |name: &str| event.refs.iter().find(|reference| reference.name == name);
        let done = match event.kind.as_str() {
            "policy.applied" => self.policy(event),
            "release.created" => self.entered(event),
            "gate.result" => match reference("case") {
                Some(case) => self.verdict(event, case),
                None => return Ok(Computed::NothingKept("case")),
            },
            kind => match (reference("plan"), reference("judge.evaluations")) {
                (Some(plan), _) => self.plan(event, plan),
                (None, Some(evaluations)) => self.judgement(event, evaluations),
                (None, None) if event.actor.id == ROUTER && by_judge(event) => {
                    return Ok(Computed::NothingKept("evaluations of the judge"));
                }
                (None, None) if event.actor.id != ROUTER && is_planned(kind) => {
                    return Ok(Computed::NothingKept("plan"));
                }
                (None, None) => Ok(()),
            },
        };
        done.map(|()| Computed::Again)
    }

    fn entered(&mut self, event: &Event) -> anyhow::Result<()> {
        let release = event.subject.first().context("it has no subject")?;
        let policy = event.decision.get("policy").and_then(Value::as_str);
        let policy = policy.context("it names no policy")?;
        self.entered_under.insert(release.clone(), policy.to_owned());
        Ok(())
    }

    fn policy(&mut self, event: &Event) -> anyhow::Result<()> {
        let told = event.decision.get("policy").context("it names no policy")?;
        let policy: Policy = serde_json::from_value(told.clone()).context("the policy can not be read")?;
        let id = event.subject.first().context("it has no subject")?.clone();
        if policy.id().as_str() != id {
            return Err(anyhow!("the policy is {}, and is called {id}", policy.id()));
        }
        self.policies.insert(id, policy);
        Ok(())
    }

    fn verdict(&mut self, event: &Event, case: &Reference) -> anyhow::Result<()> {
        let file: CaseFile = serde_json::from_slice(&self.fetch(&case.sha256)?).context("the case")?;
        let mut failed = None;
        let parts = Parts::read(&file, |digest| match self.fetch(digest) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                failed = Some(error);
                None
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        let parts = parts.map_err(anyhow::Error::from)?;
        let (report, risk) = (file.judge(&parts), file.risk(&parts));
        let recorded: Risk =
            serde_json::from_value(event.decision.get("risk").cloned().unwrap_or(Value::Null))
                .context("the risk")?;
        same(
            "risk",
            &serde_json::to_string(&recorded)?,
            &serde_json::to_string(&risk)?,
        )?;
        let recorded: GateReport =
            serde_json::from_value(event.decision.get("report").cloned().unwrap_or(Value::Null))
                .context("the report")?;
        same(
            "verdict",
            &serde_json::to_string(&recorded)?,
            &serde_json::to_string(&report)?,
        )?;
        self.told.verdicts += 1;
        Ok(())
    }

    fn plan(&mut self, event: &Event, plan: &Reference) -> anyhow::Result<()> {
        let file: PlanFile = serde_json::from_slice(&self.fetch(&plan.sha256)?).context("the plan")?;
        let id = file.rollout.policy.to_string();
        let policy = self
            .policies
            .get(&id)
            .with_context(|| format!("policy {id} is not in the log"))?;
        let planned = file.plan(policy);
        let of_kind = planned
            .decisions
            .iter()
            .filter(|decision| decision.kind == event.kind);
        // As in the leaf: RFC 8785 writes a number in one way only.
        let recorded = serde_json_canonicalizer::to_string(&event.decision)?;
        // One tick may decide two things of one kind; either may be the one that this entry is about.
        let mut nearest = None;
        for decision in of_kind {
            let mut told = decision.detail.clone();
            if let Some(fields) = told.as_object_mut() {
                fields.insert("text".to_owned(), decision.text.clone().into());
            }
            let computed = serde_json_canonicalizer::to_string(&told)?;
            if computed == recorded {
                self.told.plans += 1;
                return Ok(());
            }
            nearest = Some(computed);
        }
        let computed = nearest.unwrap_or_else(|| format!("nothing of this kind; {}", next(&planned.next)));
        same("plan", &recorded, &computed)
    }

    fn judgement(&mut self, event: &Event, evaluations: &Reference) -> anyhow::Result<()> {
        let cause = event.decision.get("cause").cloned().unwrap_or(Value::Null);
        let TripCause::Judge { log_evidence, .. } = serde_json::from_value(cause).context("the cause")?
        else {
            return Ok(());
        };
        let evaluations: Vec<Evaluation> =
            serde_json::from_slice(&self.fetch(&evaluations.sha256)?).context("the evaluations")?;
        // A release keeps the policy that it entered under.
        let release = event.subject.first().context("it has no subject")?;
        let policy = self
            .entered_under
            .get(release)
            .and_then(|id| self.policies.get(id))
            .with_context(|| format!("the policy that {release} entered under is not in the log"))?;
        let figure = recompute(&policy.judge, &evaluations).log_evidence;
        if figure.to_bits() != log_evidence.to_bits() {
            return same("evidence", &log_evidence.to_string(), &figure.to_string());
        }
        self.told.judgements += 1;
        Ok(())
    }

    fn fetch(&self, digest: &Digest) -> anyhow::Result<Vec<u8>> {
        let path = self.content.join(digest.hex());
        let found = audit::read_file(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
        match found {
            None => Err(anyhow!("document {digest} is not in the export")),
            Some(bytes) if Digest::of(&bytes) != *digest => Err(anyhow!("document {digest} was changed")),
            Some(bytes) => Ok(bytes),
        }
    }
}

/// Whether the router took a release off because of what its judge saw; of other causes nothing is computed.
fn by_judge(event: &Event) -> bool {
    event.decision.pointer("/cause/name").and_then(Value::as_str) == Some("judge")
}

/// Whether the planner decides entries of this kind.
fn is_planned(kind: &str) -> bool {
    kind == "risk.scored" || kind.starts_with("deploy.") || kind.starts_with("rollback.")
}

fn next(rollout: &Rollout) -> String {
    format!("it comes to {} in {}", rollout.phase.name(), rollout.stage)
}

fn same(what: &str, recorded: &str, computed: &str) -> anyhow::Result<()> {
    if recorded == computed {
        return Ok(());
    }
    let short = |text: &str| text.chars().take(400).collect::<String>();
    Err(anyhow!(
        "the {what} was {}, and comes to {}",
        short(recorded),
        short(computed)
    ))
}

fn text(told: &Replayed) -> String {
    let mut text = String::new();
    for difference in &told.differences {
        text.push_str(&format!(
            "{BAD}differs{BAD:#}: entry {}: {}\n",
            difference.entry, difference.what
        ));
    }
    let figures = format!(
        "{} verdicts of gates, {} decisions of the planner, {} of the judge",
        told.verdicts, told.plans, told.judgements
    );
    for lacking in &told.not_computed {
        text.push_str(&format!(
            "{BAD}can not be computed{BAD:#}: entry {}: {}\n",
            lacking.entry, lacking.what
        ));
    }
    if told.differences.is_empty() && told.without_document == 0 {
        text.push_str(&format!("{GOOD}the same{GOOD:#}: {figures}\n"));
    } else {
        text.push_str(&format!("{figures} come to the same\n"));
    }
    if told.differences_left_out > 0 {
        text.push_str(&format!("and {} differences more\n", told.differences_left_out));
    }
    if told.without_document > 0 {
        text.push_str(&format!(
            "{} have no document to compute them from: whether they come to the same is not known\n",
            told.without_document
        ));
    }
    text
}
