//! Waivers: two people set a gate aside for one release, with a reason and until a time.

use axum::Json;
use axum::extract::{Path, State};
use safeguard_api::approval::SignedStatement;
use safeguard_api::audit::{Actor, Event};
use safeguard_api::evidence::{Evidence, Facts, Severity};
use safeguard_api::gate::Gate;
use safeguard_api::waiver::{
    WAIVER_API, WAIVER_FINDINGS_MAX, WAIVER_PERSONS_MIN, WAIVERS_MAX, WaiverSpec, WaiverState,
    WaiverStatement,
};
use safeguard_api::{Release, Timestamp, Waiver, WaiverId};
use safeguard_gate::gates::vulnerability_fingerprint;
use safeguard_store::{StoreError, Tx};

use super::{Answer, ApiError, Body, IdPath, LIST_MAX, birth, consents, parse_id, policy};
use crate::App;
use crate::auth::Caller;
use crate::record::{self, now};

pub(super) async fn list(State(app): State<App>) -> Answer<Vec<Waiver>> {
    Ok(Json(
        app.store.read(|tx| tx.list::<Waiver>(true, LIST_MAX)).await?,
    ))
}

pub(super) async fn request(
    State(app): State<App>,
    caller: Caller,
    Body(spec): Body<WaiverSpec>,
) -> Answer<Waiver> {
    let id = spec.release.clone();
    let found = app.store.read(move |tx| tx.get::<Release>(id.as_str())).await?;
    let release = found.ok_or_else(|| ApiError::not_found("release", &spec.release))?;
    let born = birth(now())?;
    let (actor, subject) = (caller.actor.clone(), vec![release.id.to_string()]);
    let answer = app
        .store
        .write(move |tx| make(tx, release, spec, born, actor))
        .await?;
    consents::answered(&app, answer, "waiver.refused", caller.actor, subject).await
}

fn make(
    tx: &mut Tx<'_>,
    release: Release,
    spec: WaiverSpec,
    (ms, chance): (u64, u32),
    actor: Actor,
) -> Result<Waiver, ApiError> {
    let at = consents::clock_goes_forward(tx)?;
    let longest = policy::in_force(tx)?
        .ok_or_else(policy::none_in_force)?
        .policy
        .gates
        .human_approval
        .waiver_longest;
    let mut problems: Vec<String> = consents::reason_problem(&spec.reason).into_iter().collect();
    if spec.expires <= at || at.plus(longest) < spec.expires {
        problems.push(format!("`expires` must be in the future, and within {longest}"));
    }
    if spec.findings.len() > WAIVER_FINDINGS_MAX
        || spec.findings.iter().any(|one| one.is_empty() || one.len() > 256)
    {
        problems.push(format!(
            "at most {WAIVER_FINDINGS_MAX} findings, each of 1 to 256 bytes"
        ));
    }
    if !problems.is_empty() {
        return Err(ApiError::invalid("the waiver can not be requested", problems));
    }
    can_be_waived(tx, &release, spec.gate, &spec.findings)?;
    let known = tx.list::<Waiver>(true, LIST_MAX)?;
    if known
        .iter()
        .filter(|waiver| waiver.statement.release == release.id)
        .count()
        >= WAIVERS_MAX
    {
        return Err(ApiError::refused(format!(
            "{} has {WAIVERS_MAX} waivers (limit {WAIVERS_MAX})",
            release.id
        )));
    }
    let mut findings = spec.findings;
    findings.sort();
    findings.dedup();
    let id = WaiverId::new(ms, chance);
    let mut waiver = Waiver {
        statement: WaiverStatement {
            api: WAIVER_API.to_owned(),
            waiver: id.clone(),
            service: release.service,
            release: release.id,
            digest: release.artifact,
            gate: spec.gate,
            findings,
            reason: spec.reason,
            expires: spec.expires,
        },
        id,
        requested_by: actor.id.clone(),
        requested_at: at,
        consents: Vec::new(),
        revoked_at: None,
        revoked_by: None,
        entry: 0,
    };
    waiver.entry = tx.append(&about("waiver.requested", actor, &waiver, "requested"))?;
    tx.put(&waiver)?;
    Ok(waiver)
}

/// Some things no two people may set aside.
fn can_be_waived(tx: &Tx<'_>, release: &Release, gate: Gate, findings: &[String]) -> Result<(), ApiError> {
    match gate {
        Gate::DataIntegrity | Gate::RollbackTest => {
            let title = format!("gate `{gate}` can not be waived, by nobody");
            Err(ApiError::refused(title)
                .hint("produce the evidence that it asks for, or roll the release back"))
        }
        Gate::SecurityScan if findings.is_empty() => Err(ApiError::refused(format!(
            "gate `{gate}` can not be waived as a whole"
        ))
        .hint("name the findings, none of them critical, with `--finding`")),
        Gate::SecurityScan => {
            let critical = critical_findings(tx, release)?;
            let hit = critical.iter().find(|one| findings.contains(one));
            match hit {
                None => Ok(()),
                Some(fingerprint) => Err(ApiError::refused(format!(
                    "finding {fingerprint} of `{gate}` is critical, and can not be waived"
                ))
                .hint("mend it, or name other findings with `--finding`")),
            }
        }
        Gate::StaticAnalysis | Gate::PerformanceBaseline | Gate::ResourceLimits | Gate::HumanApproval => {
            Ok(())
        }
    }
}

/// Fingerprints of critical findings and vulnerabilities in evidence of the service, about whichever commit.
fn critical_findings(tx: &Tx<'_>, release: &Release) -> Result<Vec<String>, StoreError> {
    let evidence = tx.list_last::<Evidence>(&format!("{}/", release.service), LIST_MAX)?;
    let mut critical = Vec::new();
    for one in &evidence {
        match &one.facts {
            Facts::Findings(found) => critical.extend(
                found
                    .findings
                    .iter()
                    .filter(|found| found.severity == Severity::Critical)
                    .map(|found| found.fingerprint.clone()),
            ),
            Facts::Components(found) => critical.extend(
                found
                    .vulnerabilities
                    .iter()
                    .filter(|found| found.severity == Severity::Critical && !found.excused)
                    .map(vulnerability_fingerprint),
            ),
            Facts::Tests(_)
            | Facts::Coverage(_)
            | Facts::Load(_)
            | Facts::Resources(_)
            | Facts::Invariants(_)
            | Facts::Drill(_) => {}
        }
    }
    Ok(critical)
}

pub(super) async fn sign(
    State(app): State<App>,
    caller: Caller,
    Path(id): IdPath,
    Body(signed): Body<SignedStatement>,
) -> Answer<Waiver> {
    let id: WaiverId = parse_id(&id)?;
    let (actor, subject) = (caller.actor.clone(), vec![id.to_string()]);
    let answer = app.store.write(move |tx| add(tx, &id, signed, actor)).await?;
    consents::answered(&app, answer, "waiver.refused", caller.actor, subject).await
}

fn add(tx: &mut Tx<'_>, id: &WaiverId, signed: SignedStatement, actor: Actor) -> Result<Waiver, ApiError> {
    let at = consents::clock_goes_forward(tx)?;
    let (mut waiver, release) = find(tx, id)?;
    match waiver.state(at) {
        WaiverState::Requested | WaiverState::InForce => {}
        WaiverState::Expired | WaiverState::Revoked => {
            return Err(ApiError::refused(format!(
                "{id} is {}",
                waiver.state(at).as_str()
            )));
        }
    }
    // A critical finding may have come in since it was requested.
    can_be_waived(tx, &release, waiver.statement.gate, &waiver.statement.findings)?;
    let approver = consents::verified(tx, &waiver.statement, &signed, &release)?;
    consents::not_signed_yet(&waiver.consents, &approver.person)?;
    let text = format!(
        "signed by {} of {WAIVER_PERSONS_MIN} people",
        waiver.consents.len() + 1
    );
    let mut event = about("waiver.signed", actor, &waiver, &text);
    consents::commit_to_signer(tx, &mut event, &approver.person, &signed.signature)?;
    let entry = tx.append(&event)?;
    consents::add_consent(&mut waiver.consents, &approver, signed, at, entry);
    tx.put(&waiver)?;
    Ok(waiver)
}

pub(super) async fn revoke(State(app): State<App>, caller: Caller, Path(id): IdPath) -> Answer<Waiver> {
    let id: WaiverId = parse_id(&id)?;
    let waiver = app
        .store
        .write(move |tx| -> Result<Waiver, ApiError> {
            let (mut waiver, _) = find(tx, &id)?;
            if let Some(revoked_at) = waiver.revoked_at {
                return Err(ApiError::refused(format!("{id} was revoked at {revoked_at}")));
            }
            waiver.revoked_at = Some(now());
            waiver.revoked_by = Some(caller.actor.id.clone());
            tx.append(&about("waiver.revoked", caller.actor, &waiver, "revoked"))?;
            tx.put(&waiver)?;
            Ok(waiver)
        })
        .await??;
    app.control.wake();
    Ok(Json(waiver))
}

fn find(tx: &Tx<'_>, id: &WaiverId) -> Result<(Waiver, Release), ApiError> {
    let waiver = tx
        .get::<Waiver>(id.as_str())?
        .ok_or_else(|| ApiError::not_found("waiver", id))?;
    let release = tx.get::<Release>(waiver.statement.release.as_str())?;
    let release = release.ok_or_else(|| ApiError::not_found("release", &waiver.statement.release))?;
    Ok((waiver, release))
}

fn about(kind: &str, actor: Actor, waiver: &Waiver, text: &str) -> Event {
    let statement = &waiver.statement;
    let until: Timestamp = statement.expires;
    let subject = vec![
        waiver.id.to_string(),
        statement.release.to_string(),
        statement.digest.to_string(),
        statement.service.to_string(),
    ];
    let decision = serde_json::json!({
        "text": format!("waiver of {} {text}, until {until}: {}", statement.gate, statement.reason),
        "gate": statement.gate, "findings": statement.findings, "reason": statement.reason, "expires": until,
    });
    record::event(kind, actor, subject, decision)
}
