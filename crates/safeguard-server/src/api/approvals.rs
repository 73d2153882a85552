//! Approvals: the server makes the statement, a person signs it elsewhere, and the signature is verified here.

use axum::Json;
use axum::extract::{Path, State};
use safeguard_api::approval::{
    APPROVAL_API, APPROVALS_MAX, ApprovalRequest, ApprovalSpec, ApprovalStanding, ApprovalStatement,
    Decision, SIGN_WITHIN, Signable, Signature, SignedStatement,
};
use safeguard_api::audit::{Actor, Event};
use safeguard_api::passkey::{ApprovalLink, PASSKEYS_MAX};
use safeguard_api::status::{PolicyStatus, ServiceState};
use safeguard_api::{
    Approval, ApprovalId, Digest, Passkey, Problem, Release, ReleaseId, Rollout, Span, Timestamp,
};
use safeguard_gate::approval::{Standing, approved_change, banned, count, root, standing_of};
use safeguard_gate::signature::signer;
use safeguard_gate::{CaseFile, Parts, open_boxes};
use safeguard_store::{Document, Tx};
use serde::{Deserialize, Serialize};

use super::{Answer, ApiError, Body, IdPath, birth, consents, parse_id, passkeys, policy, release_dossier};
use crate::App;
use crate::auth::{Caller, random_hex};
use crate::control::gates::{Judged, case_file};
use crate::record::{self, now};

/// A statement that was given out, until somebody signs it.
#[derive(Serialize, Deserialize)]
struct Requested {
    statement: ApprovalStatement,
    sign_before: Timestamp,
    #[serde(default)]
    used: bool,
}

impl Document for Requested {
    const KIND: &'static str = "approval-request";
    fn key(&self) -> String {
        self.statement.nonce.clone()
    }
}

/// A release before its judges, as a handler needs it.
pub(super) struct Looked {
    pub(super) file: CaseFile,
    pub(super) parts: Parts,
}

pub(super) async fn look(app: &App, id: &ReleaseId) -> Result<Looked, ApiError> {
    let wanted = id.clone();
    let found = app
        .store
        .read(move |tx| {
            let found = tx
                .get::<Release>(wanted.as_str())?
                .zip(tx.get::<Rollout>(wanted.as_str())?);
            let Some((release, rollout)) = found else {
                return Ok(None);
            };
            let policy = tx.get::<PolicyStatus>(rollout.policy.as_str())?;
            let state = tx.get::<ServiceState>(release.service.as_str())?;
            let baseline = match state
                .and_then(|state| state.live)
                .filter(|live| *live != release.id)
            {
                Some(live) => tx.get::<Release>(live.as_str())?.map(|live| live.artifact),
                None => None,
            };
            Ok(Some((release, rollout, policy, baseline)))
        })
        .await?;
    let (release, rollout, policy, baseline) = found.ok_or_else(|| ApiError::not_found("release", id))?;
    let policy = policy.ok_or_else(policy::none_in_force)?.policy;
    let gathered = case_file(
        &app.config,
        &app.store,
        &release,
        &rollout,
        &policy,
        baseline,
        now(),
    )
    .await?;
    let (file, evidence) = gathered.ok_or_else(|| ApiError::not_found("service", &release.service))?;
    let content = app.content.clone();
    let read = tokio::task::spawn_blocking(move || {
        let parts = Judged::default().read(&content, &file, evidence);
        parts.map(|parts| Looked { file, parts })
    });
    let unreadable = |why: String| {
        ApiError(
            Problem::new(503, "unavailable", "a document of the release can not be read")
                .with_details(vec![why]),
        )
    };
    read.await
        .map_err(|error| unreadable(error.to_string()))?
        .map_err(unreadable)
}

pub(super) async fn who(State(app): State<App>, Path(id): IdPath) -> Answer<ApprovalStanding> {
    let looked = look(&app, &parse_id(&id)?).await?;
    // By the case's policy: the lane and the risk of the release may ask for more people.
    let counted = looked.file.with_case(&looked.parts, |case| {
        count(case, case.policy.quorum(looked.file.stage))
    });
    Ok(Json(counted.standing))
}

pub(super) async fn list(State(app): State<App>, Path(id): IdPath) -> Answer<Vec<Approval>> {
    let id: ReleaseId = parse_id(&id)?;
    let prefix = format!("{id}/");
    let approvals = app
        .store
        .read(move |tx| tx.list_last::<Approval>(&prefix, APPROVALS_MAX))
        .await?;
    Ok(Json(approvals))
}

/// A browser has no token; whoever has one lets it in for this page.
pub(super) async fn link(State(app): State<App>, caller: Caller, Path(id): IdPath) -> Answer<ApprovalLink> {
    let id: ReleaseId = parse_id(&id)?;
    let wanted = id.clone();
    let known = app
        .store
        .read(move |tx| tx.get::<Release>(wanted.as_str()))
        .await?;
    known.ok_or_else(|| ApiError::not_found("release", &id))?;
    let link = format!(
        "{}/approve/{id}?code={}",
        passkeys::origin(&app),
        app.door.link(&caller.actor.id)?
    );
    let decision = serde_json::json!({ "text": "a link to the page of its approval was made" });
    let event = record::event("credential.linked", caller.actor, vec![id.to_string()], decision);
    app.store.write(move |tx| tx.append(&event)).await??;
    Ok(Json(ApprovalLink { link }))
}

pub(super) async fn request(
    State(app): State<App>,
    caller: Caller,
    Path(id): IdPath,
    Body(spec): Body<ApprovalSpec>,
) -> Answer<ApprovalRequest> {
    let id: ReleaseId = parse_id(&id)?;
    let looked = look(&app, &id).await?;
    let at = looked.file.now;
    let longest = looked.file.policy.gates.human_approval.valid;
    check(&spec, longest)?;
    if spec.decision == Decision::Approve {
        let open = looked.file.with_case(&looked.parts, open_boxes);
        if !open.is_empty() {
            let title = format!("{} boxes of the checklist are open", open.len());
            let refused = ApiError(ApiError::refused(title).0.with_details(open));
            let refused = refused.hint("tick them, then approve; what can not be true needs another change");
            let subject = vec![id.to_string(), looked.file.release.service.to_string()];
            return consents::answered(&app, Err(refused), "approval.refused", caller.actor, subject).await;
        }
    }
    let dossier = release_dossier::text(&app, &looked.file, &looked.parts).await?;
    let nonce = random_hex()?;
    let not_before = spec.not_before.map_or(at, |not_before| not_before.max(at));
    let statement = looked.file.with_case(&looked.parts, |case| ApprovalStatement {
        api: APPROVAL_API.to_owned(),
        decision: spec.decision,
        reason: spec.reason.clone(),
        service: case.release.service.clone(),
        release: case.release.id.clone(),
        digest: case.release.artifact.clone(),
        changes: case.changes.iter().map(approved_change).collect(),
        replaces: case.baseline.cloned(),
        environment: spec.environment.unwrap_or(case.environment),
        evidence_root: root(case),
        policy: case.policy.id(),
        policy_in_force: case.in_force.id.clone(),
        dossier: Digest::of(dossier.as_bytes()),
        not_before,
        expires: not_before.plus(spec.valid.unwrap_or(longest)),
        nonce: nonce.clone(),
    });
    let text = String::from_utf8_lossy(&statement.bytes()).into_owned();
    let requested = Requested {
        statement: statement.clone(),
        sign_before: at.plus(SIGN_WITHIN),
        used: false,
    };
    let sign_before = requested.sign_before;
    let mut event = about(
        "approval.requested",
        caller.actor,
        &statement,
        "asked for a signature",
    );
    let shown = dossier.clone();
    let entry = app
        .store
        .write(move |tx| -> Result<u64, ApiError> {
            consents::clock_goes_forward(tx)?;
            tx.put(&requested)?;
            // The dossier has people's words in it, and so is kept where they can be erased.
            event
                .commit
                .push(tx.salt_and_commit("dossier", shown.as_bytes())?);
            Ok(tx.append(&event)?)
        })
        .await??;
    Ok(Json(ApprovalRequest {
        statement,
        text,
        dossier,
        sign_before,
        entry,
    }))
}

fn check(spec: &ApprovalSpec, longest: Span) -> Result<(), ApiError> {
    let mut problems = Vec::new();
    match (&spec.reason, spec.decision) {
        (Some(reason), _) => problems.extend(consents::reason_problem(reason)),
        (None, Decision::Reject) => problems.push("`reason` is missing: say what must change".to_owned()),
        (None, Decision::Approve | Decision::Withdraw) => {}
    }
    if spec
        .valid
        .is_some_and(|valid| longest < valid || valid == Span(0))
    {
        problems.push(format!("`valid` must be at most {longest}, as the policy says"));
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid("no statement can be made of it", problems))
}

pub(super) async fn add(
    State(app): State<App>,
    caller: Caller,
    Path(id): IdPath,
    Body(signed): Body<SignedStatement>,
) -> Answer<Approval> {
    let id: ReleaseId = parse_id(&id)?;
    let looked = look(&app, &id).await?;
    let born = birth(now())?;
    let actor = caller.actor.clone();
    let subject = vec![id.to_string(), looked.file.release.service.to_string()];
    let answer = app
        .store
        .write(move |tx| accept(tx, &looked, born, &signed, actor))
        .await?;
    // What is refused leaves its trace too; nothing else of the transaction was kept.
    consents::answered(&app, answer, "approval.refused", caller.actor, subject).await
}

fn accept(
    tx: &mut Tx<'_>,
    looked: &Looked,
    (ms, chance): (u64, u32),
    signed: &SignedStatement,
    actor: Actor,
) -> Result<Approval, ApiError> {
    let at = consents::clock_goes_forward(tx)?;
    let file = &looked.file;
    let unknown = || {
        ApiError::refused("the server made no such statement").hint(format!(
            "run `safeguard approve {}`: it asks for one and signs it",
            file.release.id
        ))
    };
    let nonce = serde_json::from_str::<ApprovalStatement>(&signed.text)
        .map_err(|_| unknown())?
        .nonce;
    let mut requested = tx.get::<Requested>(&nonce)?.ok_or_else(unknown)?;
    let statement = requested.statement.clone();
    if signed.text.as_bytes() != statement.bytes() {
        return Err(
            ApiError::refused("the signed text is not the one that the server made")
                .hint("sign the text as the server gives it, byte by byte"),
        );
    }
    if requested.used {
        return Err(ApiError::refused(
            "this statement was signed before, and counts once",
        ));
    }
    if statement.release != file.release.id {
        return Err(ApiError::refused(format!(
            "the statement speaks of {}",
            statement.release
        )));
    }
    if requested.sign_before <= at {
        return Err(ApiError::refused(format!(
            "the statement was to be signed before {}",
            requested.sign_before
        ))
        .hint("ask for another: what it speaks of may have changed"));
    }
    let refused = |error: safeguard_gate::signature::SignatureError| ApiError::refused(error.to_string());
    let in_force = policy::in_force(tx)?.ok_or_else(policy::none_in_force)?;
    // As they are within this transaction: one may have been revoked, or have counted, since the release was looked at.
    let passkeys = tx.list::<Passkey>(false, PASSKEYS_MAX)?;
    let bytes = statement.bytes();
    let approver =
        signer(&signed.signature, &bytes, &in_force.policy.approvers, &passkeys).map_err(refused)?;
    let approval = Approval {
        id: ApprovalId::new(ms, chance),
        person: approver.person.clone(),
        signature: signed.signature.clone(),
        signed_at: at,
        void: None,
        entry: 0,
        statement,
    };
    let said = file.with_case(&looked.parts, |case| {
        let hands = match approval.statement.decision {
            Decision::Approve => banned(case, approver),
            Decision::Reject | Decision::Withdraw => Vec::new(),
        };
        let case = safeguard_gate::Case { now: at, ..*case };
        (hands, standing_of(&approval, &case))
    });
    match said {
        (hands, _) if !hands.is_empty() => {
            let title = format!("{} may not approve {}", approval.person, file.release.id);
            return Err(ApiError(ApiError::refused(title).0.with_details(hands)));
        }
        (_, Standing::Void(why) | Standing::Forged(why)) => {
            return Err(ApiError::refused(format!(
                "the signature counts for nothing: {why}"
            )));
        }
        (_, Standing::Counts | Standing::Waits(_)) => {}
    }
    consents::count_signature(tx, &signed.signature, &passkeys)?;
    let given = tx.list_last::<Approval>(&format!("{}/", file.release.id), APPROVALS_MAX)?;
    if given.len() >= APPROVALS_MAX {
        return Err(ApiError::refused(format!(
            "{} signatures (limit {APPROVALS_MAX})",
            given.len()
        )));
    }
    keep(tx, approval, &mut requested, actor)
}

fn keep(
    tx: &mut Tx<'_>,
    mut approval: Approval,
    requested: &mut Requested,
    actor: Actor,
) -> Result<Approval, ApiError> {
    requested.used = true;
    tx.put(requested)?;
    let (kind, text) = match approval.statement.decision {
        Decision::Approve => ("approval.granted", "approved"),
        Decision::Reject => ("approval.rejected", "rejected"),
        Decision::Withdraw => ("approval.withdrawn", "took back what was said before"),
    };
    let with = match approval.signature {
        Signature::Ssh { .. } => "an SSH key",
        Signature::Passkey { .. } => "a passkey",
    };
    let mut event = about(kind, actor, &approval.statement, &format!("{text} with {with}"));
    event.subject.insert(0, approval.id.to_string());
    consents::commit_to_signer(tx, &mut event, &approval.person, &approval.signature)?;
    approval.entry = tx.append(&event)?;
    tx.put(&approval)?;
    Ok(approval)
}

/// An entry about a statement: all of it but the words of people.
fn about(kind: &str, actor: Actor, statement: &ApprovalStatement, text: &str) -> Event {
    let subject = vec![
        statement.release.to_string(),
        statement.digest.to_string(),
        statement.service.to_string(),
    ];
    let decision = serde_json::json!({
        "text": format!("{text} for {}, until {}", statement.environment, statement.expires),
        "statement": Digest::of(&statement.bytes()), "decision": statement.decision,
        "environment": statement.environment, "evidence_root": statement.evidence_root,
        "policy": statement.policy, "dossier": statement.dossier, "expires": statement.expires,
    });
    record::event(kind, actor, subject, decision)
}
