//! The dossier of a change: what it is for, what was shown about it, who agreed, where it stands, and how to go back.
//!
//! Gathered in one snapshot of the store, then rendered by pure functions: Markdown for terminals and reviews, and one
//! page of HTML that holds everything, its proofs included, and verifies them in the reader's browser.

mod checklist;
mod html;
mod markdown;

use safeguard_api::audit::EntryProof;
use safeguard_api::checklist::CheckBox;
use safeguard_api::diff::Diff;
use safeguard_api::release::RollbackReason;
use safeguard_api::risk::Risk;
use safeguard_api::status::EntrySummary;
use safeguard_api::{Change, ChangeDocument, Digest, DocumentKind, Evidence, GateReport, Release, Rollout};
use safeguard_store::{Content, EvidenceAbout, StoreError, Tx, document_key};
use serde::Serialize;

pub(crate) use html::page;
pub(crate) use markdown::text;

use crate::api::attestations;
use crate::control::gates::GateRecord;

/// A longer diff is cut here, and says so; the whole is in the content store.
const DIFF_BYTES_SHOWN: usize = 256 << 10;
const TEXT_BYTES_SHOWN: usize = 128 << 10;
/// Entries whose proofs are on the page, the newest.
const PROOFS_MAX: usize = 64;
const RELEASES_MAX: usize = 500;
const EVIDENCE_MAX: usize = 500;

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Dossier {
    pub api: &'static str,
    pub change: Change,
    pub documents: Vec<DocumentShown>,
    pub diff: Option<DiffShown>,
    pub evidence: Vec<Evidence>,
    /// The newest release that carries the change as a new one.
    pub release: Option<ReleaseShown>,
    pub checklist: Vec<CheckBox>,
    pub recovery: Vec<String>,
    pub proofs: Proofs,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct DocumentShown {
    #[serde(flatten)]
    pub document: ChangeDocument,
    /// None when it was erased, or is no text to be shown.
    pub text: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct DiffShown {
    pub summary: Diff,
    pub text: String,
    /// Bytes that are not shown.
    pub cut: usize,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct ReleaseShown {
    pub release: Release,
    pub rollout: Rollout,
    pub gates: Option<GateReport>,
    pub risk: Option<Risk>,
    pub walk: Vec<EntrySummary>,
}

/// Inclusion proofs of the entries about the change and its release, all of one checkpoint.
#[derive(Debug, Clone, Serialize, Default)]
pub(crate) struct Proofs {
    pub checkpoint: String,
    pub vkey: String,
    pub entries: Vec<EntryProof>,
    /// Older entries that are not on the page.
    pub left_out: usize,
}

/// Gathers what there is about the change; none when there is no such change.
pub(crate) fn gather(tx: &Tx<'_>, content: &Content, change: &str) -> Result<Option<Dossier>, StoreError> {
    let Some(change) = tx.get::<Change>(change)? else {
        return Ok(None);
    };
    let mut documents = Vec::new();
    let mut diff = None;
    for kind in DocumentKind::ALL {
        let Some(document) = tx.get::<ChangeDocument>(&document_key(&change.id, kind))? else {
            continue;
        };
        let bytes = match &document.commitment {
            Some(hmac) => tx.personal(hmac)?,
            None => read(content, &document.document),
        };
        let text = match kind {
            DocumentKind::Diff => {
                diff = bytes.as_deref().and_then(diff_shown);
                None
            }
            DocumentKind::History => None,
            DocumentKind::Intent | DocumentKind::Prompts | DocumentKind::Risk | DocumentKind::Recovery => {
                bytes.map(|bytes| cut(&bytes, TEXT_BYTES_SHOWN).0)
            }
        };
        documents.push(DocumentShown { document, text });
    }
    let release = release(tx, &change)?;
    let evidence = evidence(tx, &change, release.as_ref())?;
    let answers = attestations::answers(tx, &change)?;
    let made_in_freeze = attestations::made_in_freeze(tx, &change)?;
    let proofs = proofs(tx, &change, release.as_ref())?;
    let mut dossier = Dossier {
        api: "safeguard.dossier/1",
        change,
        documents,
        diff,
        evidence,
        release,
        checklist: Vec::new(),
        recovery: Vec::new(),
        proofs,
    };
    dossier.checklist = checklist::boxes(&dossier, &answers, made_in_freeze);
    dossier.recovery = recovery(&dossier);
    Ok(Some(dossier))
}

// What can not be read is left out of the page; `audit replay` says why.
fn read(content: &Content, digest: &Digest) -> Option<Vec<u8>> {
    match content.get(digest) {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(%error, "A document can not be shown");
            None
        }
    }
}

fn diff_shown(bytes: &[u8]) -> Option<DiffShown> {
    let summary = safeguard_gate::read_diff(bytes).ok()?;
    let (text, cut) = cut(bytes, DIFF_BYTES_SHOWN);
    Some(DiffShown { summary, text, cut })
}

/// The beginning of a text, and how many bytes are left out.
fn cut(bytes: &[u8], bytes_max: usize) -> (String, usize) {
    let shown = bytes.get(..bytes_max).unwrap_or(bytes);
    (
        String::from_utf8_lossy(shown).into_owned(),
        bytes.len() - shown.len(),
    )
}

fn release(tx: &Tx<'_>, change: &Change) -> Result<Option<ReleaseShown>, StoreError> {
    let releases = tx.list::<Release>(true, RELEASES_MAX)?;
    let newest = releases
        .into_iter()
        .find(|release| release.new_changes.contains(&change.id));
    let Some(release) = newest else { return Ok(None) };
    let Some(rollout) = tx.get::<Rollout>(release.id.as_str())? else {
        return Ok(None);
    };
    let record = tx.get::<GateRecord>(release.id.as_str())?;
    let (gates, risk) = record.map_or((None, None), |record| (Some(record.report), Some(record.risk)));
    let entries = tx.entries(Some(release.id.as_str()), true, RELEASES_MAX)?;
    Ok(Some(ReleaseShown {
        release,
        rollout,
        gates,
        risk,
        walk: crate::api::summaries(entries),
    }))
}

fn evidence(
    tx: &Tx<'_>,
    change: &Change,
    release: Option<&ReleaseShown>,
) -> Result<Vec<Evidence>, StoreError> {
    use safeguard_api::evidence::About;
    let service = &change.spec.service;
    let artifact = release.map(|shown| About::Artifact(shown.release.artifact.clone()));
    let abouts = [Some(About::Commit(change.spec.head.clone())), artifact];
    let mut found = Vec::new();
    for about in abouts.into_iter().flatten() {
        let known = tx.get::<EvidenceAbout>(&EvidenceAbout::key_of(service, &about))?;
        for id in known.iter().flat_map(|known| &known.evidence).take(EVIDENCE_MAX) {
            found.extend(tx.get::<Evidence>(&format!("{service}/{id}"))?);
        }
    }
    found.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(found)
}

fn proofs(tx: &Tx<'_>, change: &Change, release: Option<&ReleaseShown>) -> Result<Proofs, StoreError> {
    let mut indices: Vec<u64> = tx
        .entries(Some(change.id.as_str()), true, RELEASES_MAX)?
        .iter()
        .map(|entry| entry.index)
        .chain(
            release
                .iter()
                .flat_map(|shown| &shown.walk)
                .map(|entry| entry.index),
        )
        .collect();
    indices.sort_unstable_by(|one, other| other.cmp(one));
    indices.dedup();
    let left_out = indices.len().saturating_sub(PROOFS_MAX);
    indices.truncate(PROOFS_MAX);
    indices.reverse();
    let mut proofs = Proofs {
        left_out,
        ..Proofs::default()
    };
    for index in indices {
        if let Some(proof) = tx.prove(index)? {
            proofs.checkpoint.clone_from(&proof.checkpoint);
            proofs.vkey.clone_from(&proof.vkey);
            proofs.entries.push(proof);
        }
    }
    Ok(proofs)
}

/// Steps that can be typed, for the release as it stands; what its author attached comes beside them.
fn recovery(dossier: &Dossier) -> Vec<String> {
    let Some(shown) = &dossier.release else {
        return vec!["no release carries the change: there is nothing to take back".to_owned()];
    };
    let id = &shown.release.id;
    let mut steps = vec![
        format!("safeguard release rollback {id}"),
        format!(
            "safeguard release show {id}    # until `rolled_back`: which digest serves, and how long it took"
        ),
        "safeguard freeze open --reason \"looking into it\"    # nothing moves until you know why".to_owned(),
    ];
    let has_migration = has_migration(dossier);
    if has_migration {
        steps.push(
            "# the change has a migration: going back does not take it back; see the author's steps"
                .to_owned(),
        );
    }
    steps
}

/// Whether the change does something to stored data that a rollback does not take back.
fn has_migration(dossier: &Dossier) -> bool {
    let files = dossier.diff.iter().flat_map(|diff| &diff.summary.files);
    safeguard_gate::writes_recovery(files.map(|file| file.path.as_str()))
}

/// In one line, what became of the release.
pub(crate) fn stands(rollout: &Rollout) -> String {
    use safeguard_api::Phase;
    let why = match &rollout.phase {
        Phase::RollingBack { reason, .. }
        | Phase::RolledBack { reason, .. }
        | Phase::RollbackFailed { reason, .. } => told(reason),
        Phase::Held { reason, .. } => format!(": {reason}"),
        Phase::Queued
        | Phase::Blocked
        | Phase::Deploying
        | Phase::Warming
        | Phase::Analyzing { .. }
        | Phase::Soaking
        | Phase::Verified
        | Phase::Promoting
        | Phase::Live
        | Phase::Superseded { .. } => String::new(),
    };
    format!("{} in {}{why}", rollout.phase.name(), rollout.stage)
}

fn told(reason: &RollbackReason) -> String {
    format!(": {reason}")
}
