//! What the gates say of each release on its way: judged when something new was recorded, and once a second because
//! approvals, waivers and evidence expire.

use std::collections::HashMap;
use std::sync::Arc;

use safeguard_api::approval::APPROVALS_MAX;
use safeguard_api::audit::Actor;
use safeguard_api::config::Policy;
use safeguard_api::diff::{Diff, History};
use safeguard_api::evidence::About;
use safeguard_api::passkey::PASSKEYS_MAX;
use safeguard_api::risk::Risk;
use safeguard_api::time::Span;
use safeguard_api::{
    Approval, Change, ChangeDocument, Config, Digest, DocumentKind, Evidence, GateReport, Passkey, Release,
    ReleaseId, Rollout, Stage, Timestamp, Waiver,
};
use safeguard_gate::{CaseFile, ChangeFile, EvidenceFile, InForce, Parts, Shown, approval};
use safeguard_store::{Content, Document, EvidenceAbout, Store, StoreError, Tx, document_key};
use serde::{Deserialize, Serialize};

use super::Loop;
use crate::api::{attestations, consents, policy};
use crate::record::{self, now};

/// Later changes that are looked through for one of the same head.
const RECORDED_AGAIN_MAX: usize = 200;
const LOOK_AGAIN: Span = Span::seconds(1);

/// What the gates last said of a release, as it was recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct GateRecord {
    pub release: ReleaseId,
    pub stage: Stage,
    pub report: GateReport,
    pub risk: Risk,
    /// The case in the content store.
    pub case: Digest,
    pub at: Timestamp,
    pub entry: u64,
}

impl Document for GateRecord {
    const KIND: &'static str = "gate-record";
    fn key(&self) -> String {
        self.release.to_string()
    }
}

/// What is kept in memory between two looks.
#[derive(Default)]
pub(crate) struct Judged {
    releases: HashMap<ReleaseId, Look>,
    diffs: HashMap<Digest, Arc<Diff>>,
    histories: HashMap<Digest, Arc<History>>,
}

struct Look {
    log_size: u64,
    stage: Stage,
    at: Timestamp,
    said: Said,
}

/// What gates and approvers say of a release, and what its changes look like.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub report: GateReport,
    /// None where a document can not be read.
    pub risk: Option<Risk>,
    /// People whose approval counts.
    pub approved: u32,
}

impl Said {
    /// Where nothing is asked for.
    fn nothing() -> Said {
        Said {
            report: GateReport::default(),
            risk: None,
            approved: 0,
        }
    }
}

impl Judged {
    pub fn keep_only(&mut self, walks: &dyn Fn(&ReleaseId) -> bool) {
        self.releases.retain(|release, _| walks(release));
        if self.releases.is_empty() {
            self.diffs.clear();
            self.histories.clear();
        }
    }
}

impl Loop {
    /// What the gates that leaving the present stage requires say of the release.
    pub(super) async fn gates(
        &mut self,
        release: &Release,
        rollout: &Rollout,
        policy: &Policy,
        baseline: Option<&Release>,
    ) -> Result<Said, StoreError> {
        if !policy.asks_for_gates() && !policy.asks_for_approval() {
            return Ok(Said::nothing());
        }
        let log_size = self.store.log_status().size;
        let at = now();
        let known = self.judged.releases.get(&release.id);
        if let Some(look) = known.filter(|look| look.is_fresh(log_size, rollout.stage, at)) {
            return Ok(look.said.clone());
        }
        let case = self.case(release, rollout, policy, baseline, at).await?;
        let said = match case {
            Some((file, parts)) => {
                let (report, risk) = (file.judge(&parts), file.risk(&parts));
                let approved = file.with_case(&parts, |case| approval::count(case, 0).standing.approved);
                self.invalidate(&file, &parts).await?;
                self.record(&file, &report, &risk).await?;
                Said {
                    report,
                    risk: Some(risk),
                    approved,
                }
            }
            // What can not be read does not pass: the report names every gate as inconclusive.
            None => Said {
                report: GateReport::of(policy.gates(rollout.stage), Vec::new()),
                risk: None,
                approved: 0,
            },
        };
        // Recording may have made the log longer; that is no news.
        let log_size = self.store.log_status().size;
        self.judged.releases.insert(
            release.id.clone(),
            Look {
                log_size,
                stage: rollout.stage,
                at,
                said: said.clone(),
            },
        );
        Ok(said)
    }

    /// Gathers what there is about the release; none, and a complaint, when a document can not be read.
    async fn case(
        &mut self,
        release: &Release,
        rollout: &Rollout,
        policy: &Policy,
        baseline: Option<&Release>,
        now: Timestamp,
    ) -> Result<Option<(CaseFile, Parts)>, StoreError> {
        let artifact = baseline.map(|baseline| baseline.artifact.clone());
        let gathered = case_file(&self.config, &self.store, release, rollout, policy, artifact, now).await?;
        let Some((file, evidence)) = gathered else {
            return Ok(None);
        };
        match self.judged.read(&self.content, &file, evidence) {
            Ok(parts) => Ok(Some((file, parts))),
            Err(why) => {
                self.complain("A document of a release can not be read", &why);
                Ok(None)
            }
        }
    }

    /// Records what the gates say when it is another thing than before.
    async fn record(&mut self, file: &CaseFile, report: &GateReport, risk: &Risk) -> Result<(), StoreError> {
        if file.required.is_empty() {
            return Ok(());
        }
        let key = file.release.id.to_string();
        let before = self.store.read(move |tx| tx.get::<GateRecord>(&key)).await?;
        if before.is_some_and(|before| {
            before.stage == file.stage && before.risk == *risk && same(&before.report, report)
        }) {
            return Ok(());
        }
        let kept = match record::keep(&self.content, "case", file).await {
            Ok(kept) => kept,
            Err(why) => {
                self.complain("A case can not be kept", &why);
                return Ok(());
            }
        };
        let case = kept.sha256.clone();
        let mut event = record::event(
            "gate.result",
            Actor::system("gates"),
            vec![
                file.release.id.to_string(),
                file.release.artifact.to_string(),
                file.release.service.to_string(),
            ],
            serde_json::json!({ "text": told(report), "stage": file.stage, "report": report, "risk": risk }),
        );
        event.refs.push(kept);
        let (release, stage, report, risk, at) = (
            file.release.id.clone(),
            file.stage,
            report.clone(),
            risk.clone(),
            file.now,
        );
        self.store
            .write(move |tx| -> Result<(), StoreError> {
                let entry = tx.append(&event)?;
                tx.put(&GateRecord {
                    release,
                    stage,
                    report,
                    risk,
                    case,
                    at,
                    entry,
                })
            })
            .await?
    }
}

impl Look {
    fn is_fresh(&self, log_size: u64, stage: Stage, now: Timestamp) -> bool {
        // A clock that was set back makes every look old.
        let fresh = self.at <= now && now.since(self.at) < LOOK_AGAIN;
        fresh && self.log_size == log_size && self.stage == stage
    }
}

impl Judged {
    /// Diffs and histories are read once; evidence was read when it came in.
    pub fn read(
        &mut self,
        content: &Content,
        file: &CaseFile,
        evidence: Vec<Evidence>,
    ) -> Result<Parts, String> {
        for change in &file.changes {
            if let Some(digest) = change
                .diff
                .as_ref()
                .filter(|digest| !self.diffs.contains_key(digest))
            {
                let diff =
                    safeguard_gate::read_diff(&fetch(content, digest)?).map_err(|error| error.to_string())?;
                self.diffs.insert(digest.clone(), Arc::new(diff));
            }
            if let Some(digest) = change
                .history
                .as_ref()
                .filter(|digest| !self.histories.contains_key(digest))
            {
                let history =
                    serde_json::from_slice(&fetch(content, digest)?).map_err(|error| error.to_string())?;
                self.histories.insert(digest.clone(), Arc::new(history));
            }
        }
        Ok(Parts {
            diffs: self.diffs.clone(),
            histories: self.histories.clone(),
            evidence,
        })
    }
}

/// Gathers everything that is known of a release and that its gates look at; none for a service that is not served.
pub(crate) async fn case_file(
    config: &Config,
    store: &Store,
    release: &Release,
    rollout: &Rollout,
    policy: &Policy,
    baseline: Option<Digest>,
    now: Timestamp,
) -> Result<Option<(CaseFile, Vec<Evidence>)>, StoreError> {
    let Some(settings) = config.services.get(&release.service) else {
        return Ok(None);
    };
    let limits = settings.limits.clone();
    let configuration = settings.configuration(policy, &config.router);
    let in_production = rollout.stage.environment() == Stage::Production.environment();
    let shown = Shown {
        production_requests: if in_production { rollout.soak.requests } else { 0 },
    };
    let (owned, base) = (release.clone(), baseline.clone());
    let gathered = store.read(move |tx| gather(tx, &owned, base.as_ref())).await?;
    let Some(in_force) = gathered.in_force else {
        return Ok(None);
    };
    let file = CaseFile {
        release: release.clone(),
        stage: rollout.stage,
        required: policy.gates(rollout.stage).to_vec(),
        changes: gathered.changes,
        baseline,
        evidence: gathered.evidence.iter().map(EvidenceFile::of).collect(),
        waivers: gathered.waivers,
        approvals: gathered.approvals,
        passkeys: gathered.passkeys,
        in_force,
        limits,
        configuration,
        policy: policy.clone(),
        terms: rollout.terms.clone(),
        shown,
        now,
    };
    Ok(Some((file, gathered.evidence)))
}

fn fetch(content: &Content, digest: &Digest) -> Result<Vec<u8>, String> {
    let found = content.get(digest).map_err(|error| error.to_string())?;
    found.ok_or_else(|| format!("document {digest} is not there"))
}

struct Gathered {
    changes: Vec<ChangeFile>,
    evidence: Vec<Evidence>,
    waivers: Vec<Waiver>,
    approvals: Vec<Approval>,
    passkeys: Vec<Passkey>,
    in_force: Option<InForce>,
}

fn gather(tx: &Tx<'_>, release: &Release, baseline: Option<&Digest>) -> Result<Gathered, StoreError> {
    let mut changes = Vec::with_capacity(release.new_changes.len());
    for id in &release.new_changes {
        let Some(change) = tx.get::<Change>(id.as_str())? else {
            continue;
        };
        let mut documents = Vec::new();
        let (mut diff, mut history) = (None, None);
        for kind in DocumentKind::ALL {
            let Some(attached) = tx.get::<ChangeDocument>(&document_key(id, kind))? else {
                continue;
            };
            match kind {
                DocumentKind::Diff => diff = Some(attached.document.clone()),
                DocumentKind::History => history = Some(attached.document.clone()),
                DocumentKind::Intent
                | DocumentKind::Prompts
                | DocumentKind::Risk
                | DocumentKind::Recovery => {}
            }
            documents.push(attached);
        }
        changes.push(ChangeFile {
            recorded_again: recorded_again(tx, &change)?,
            answers: attestations::answers(tx, &change)?,
            made_in_freeze: attestations::made_in_freeze(tx, &change)?,
            change,
            diff,
            history,
            documents,
        });
    }
    let commits = changes
        .iter()
        .flat_map(|change| [&change.change.spec.head, &change.change.spec.base]);
    let artifacts = [Some(&release.artifact), baseline].into_iter().flatten();
    let mut abouts: Vec<About> = commits
        .map(|commit| About::Commit(commit.clone()))
        .chain(artifacts.map(|artifact| About::Artifact(artifact.clone())))
        .collect();
    abouts.sort();
    abouts.dedup();
    let mut evidence = Vec::new();
    for about in &abouts {
        let Some(known) = tx.get::<EvidenceAbout>(&EvidenceAbout::key_of(&release.service, about))? else {
            continue;
        };
        for id in &known.evidence {
            evidence.extend(tx.get::<Evidence>(&format!("{}/{id}", release.service))?);
        }
    }
    evidence.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(Gathered {
        changes,
        evidence,
        waivers: consents::waivers(tx, release)?,
        approvals: tx.list_last::<Approval>(&format!("{}/", release.id), APPROVALS_MAX)?,
        passkeys: tx.list::<Passkey>(false, PASSKEYS_MAX)?,
        in_force: policy::in_force(tx)?.map(|status| InForce {
            id: status.id,
            approvers: status.policy.approvers,
        }),
    })
}

/// What was recorded later in the change's place, or else the newest later record of the same head: whoever pushed its branch
/// or merged it anew has told so.
fn recorded_again(tx: &Tx<'_>, change: &Change) -> Result<Option<Change>, StoreError> {
    let later = |other: &&Change| other.id > change.id && other.spec.service == change.spec.service;
    let newest = tx.list::<Change>(true, RECORDED_AGAIN_MAX)?;
    let in_its_place = |other: &&Change| other.spec.instead_of.as_ref() == Some(&change.id);
    let of_the_same_head = |other: &&Change| {
        other.spec.repository == change.spec.repository && other.spec.head == change.spec.head
    };
    let mut newest = newest.iter().filter(later);
    let found = newest.clone().find(in_its_place);
    Ok(found.or_else(|| newest.find(of_the_same_head)).cloned())
}

/// Whether two reports come to the same for whoever waits: figures that only count time do not matter.
fn same(one: &GateReport, other: &GateReport) -> bool {
    let told = |report: &GateReport| {
        let layers = report
            .layers
            .as_ref()
            .map(|layers| (layers.verdict, layers.missing.clone()));
        let verdicts = report.verdicts.iter();
        let verdicts = verdicts
            .map(|said| {
                (
                    said.gate,
                    said.verdict,
                    said.evidence.clone(),
                    said.waivers.clone(),
                    said.missing.clone(),
                )
            })
            .collect::<Vec<_>>();
        (verdicts, layers, report.documentation.clone())
    };
    told(one) == told(other)
}

fn told(report: &GateReport) -> String {
    let verdicts: Vec<String> = report
        .verdicts
        .iter()
        .map(|said| format!("{} {}", said.gate, said.verdict))
        .collect();
    verdicts.join(", ")
}
