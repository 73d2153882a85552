//! Break-glass: two people let one release move through a freeze; gates, soaks and approvals stay as they are.

use axum::Json;
use axum::extract::{Path, State};
use safeguard_api::approval::{Signable, SignedStatement};
use safeguard_api::audit::{Actor, Event};
use safeguard_api::breakglass::{
    BREAKGLASS_API, BREAKGLASS_PERSONS_MIN, BreakglassSpec, BreakglassStatement, Review, ReviewSpec,
};
use safeguard_api::{Breakglass, BreakglassId, Release, Timestamp};
use safeguard_store::{StoreError, Tx};

use super::{Answer, ApiError, Body, IdPath, LIST_MAX, birth, consents, parse_id, policy};
use crate::App;
use crate::auth::Caller;
use crate::record::{self, now};

/// The loop reads them at every round; older ones expired long ago.
const LOOKED_AT_MAX: usize = 64;

pub(super) async fn list(State(app): State<App>) -> Answer<Vec<Breakglass>> {
    Ok(Json(
        app.store.read(|tx| tx.list::<Breakglass>(true, LIST_MAX)).await?,
    ))
}

pub(super) async fn request(
    State(app): State<App>,
    caller: Caller,
    Body(spec): Body<BreakglassSpec>,
) -> Answer<Breakglass> {
    let born = birth(now())?;
    let (actor, subject) = (caller.actor.clone(), vec![spec.release.to_string()]);
    let answer = app.store.write(move |tx| make(tx, spec, born, actor)).await?;
    consents::answered(&app, answer, "breakglass.refused", caller.actor, subject).await
}

fn make(
    tx: &mut Tx<'_>,
    spec: BreakglassSpec,
    (ms, chance): (u64, u32),
    actor: Actor,
) -> Result<Breakglass, ApiError> {
    let at = consents::clock_goes_forward(tx)?;
    let release = tx.get::<Release>(spec.release.as_str())?;
    let release = release.ok_or_else(|| ApiError::not_found("release", &spec.release))?;
    let in_force = policy::in_force(tx)?.ok_or_else(policy::none_in_force)?.policy;
    let longest = in_force.gates.human_approval.breakglass_longest;
    let mut problems: Vec<String> = consents::reason_problem(&spec.reason).into_iter().collect();
    if spec.expires <= at || at.plus(longest) < spec.expires {
        problems.push(format!("`expires` must be in the future, and within {longest}"));
    }
    if !problems.is_empty() {
        return Err(ApiError::invalid(
            "the break-glass can not be requested",
            problems,
        ));
    }
    let id = BreakglassId::new(ms, chance);
    let mut breakglass = Breakglass {
        statement: BreakglassStatement {
            api: BREAKGLASS_API.to_owned(),
            breakglass: id.clone(),
            service: release.service,
            release: release.id,
            digest: release.artifact,
            reason: spec.reason,
            expires: spec.expires,
        },
        id,
        requested_by: actor.id.clone(),
        requested_at: at,
        consents: Vec::new(),
        opened_at: None,
        review: None,
        entry: 0,
    };
    breakglass.entry = tx.append(&about("breakglass.requested", actor, &breakglass, "requested"))?;
    tx.put(&breakglass)?;
    Ok(breakglass)
}

pub(super) async fn sign(
    State(app): State<App>,
    caller: Caller,
    Path(id): IdPath,
    Body(signed): Body<SignedStatement>,
) -> Answer<Breakglass> {
    let id: BreakglassId = parse_id(&id)?;
    let (actor, subject) = (caller.actor.clone(), vec![id.to_string()]);
    let answer = app.store.write(move |tx| add(tx, &id, signed, actor)).await?;
    consents::answered(&app, answer, "breakglass.refused", caller.actor, subject).await
}

fn add(
    tx: &mut Tx<'_>,
    id: &BreakglassId,
    signed: SignedStatement,
    actor: Actor,
) -> Result<Breakglass, ApiError> {
    let at = consents::clock_goes_forward(tx)?;
    let mut breakglass = find(tx, id)?;
    if breakglass.statement.expires <= at {
        return Err(ApiError::refused(format!(
            "{id} expired at {}",
            breakglass.statement.expires
        )));
    }
    let release = tx.get::<Release>(breakglass.statement.release.as_str())?;
    let release = release.ok_or_else(|| ApiError::not_found("release", &breakglass.statement.release))?;
    let approver = consents::verified(tx, &breakglass.statement, &signed, &release)?;
    consents::not_signed_yet(&breakglass.consents, &approver.person)?;
    let opens = breakglass.opened_at.is_none() && breakglass.consents.len() + 1 >= BREAKGLASS_PERSONS_MIN;
    let (kind, text) = if opens {
        breakglass.opened_at = Some(at);
        ("breakglass.opened", "opened: freezes do not hold the release")
    } else {
        ("breakglass.signed", "signed")
    };
    let mut event = about(kind, actor, &breakglass, text);
    consents::commit_to_signer(tx, &mut event, &approver.person, &signed.signature)?;
    let entry = tx.append(&event)?;
    consents::add_consent(&mut breakglass.consents, &approver, signed, at, entry);
    tx.put(&breakglass)?;
    Ok(breakglass)
}

pub(super) async fn review(
    State(app): State<App>,
    caller: Caller,
    Path(id): IdPath,
    Body(spec): Body<ReviewSpec>,
) -> Answer<Breakglass> {
    let id: BreakglassId = parse_id(&id)?;
    if let Some(problem) = consents::reason_problem(&spec.finding) {
        let problem = problem.replace("reason", "finding");
        return Err(ApiError::invalid("the review can not be recorded", vec![problem]));
    }
    let (actor, subject) = (caller.actor.clone(), vec![id.to_string()]);
    let answer = app.store.write(move |tx| reviewed(tx, &id, spec, actor)).await?;
    consents::answered(&app, answer, "breakglass.refused", caller.actor, subject).await
}

fn reviewed(
    tx: &mut Tx<'_>,
    id: &BreakglassId,
    spec: ReviewSpec,
    actor: Actor,
) -> Result<Breakglass, ApiError> {
    let mut breakglass = find(tx, id)?;
    if !breakglass.wants_review() {
        return Err(ApiError::refused(format!(
            "{id} was not opened, or was reviewed already"
        )));
    }
    let by = actor.id.clone();
    let event = about(
        "breakglass.reviewed",
        actor,
        &breakglass,
        &format!("reviewed: {}", spec.finding),
    );
    let entry = tx.append(&event)?;
    breakglass.review = Some(Review {
        by,
        at: now(),
        finding: spec.finding,
        entry,
    });
    tx.put(&breakglass)?;
    Ok(breakglass)
}

fn find(tx: &Tx<'_>, id: &BreakglassId) -> Result<Breakglass, ApiError> {
    tx.get::<Breakglass>(id.as_str())?
        .ok_or_else(|| ApiError::not_found("breakglass", id))
}

/// Those that lift freezes at this moment, each with the signatures that hold.
pub(crate) fn open(tx: &Tx<'_>, at: Timestamp) -> Result<Vec<Breakglass>, StoreError> {
    let mut open = Vec::new();
    for mut breakglass in tx.list::<Breakglass>(true, LOOKED_AT_MAX)? {
        let release = breakglass.statement.release.clone();
        if !breakglass.is_open(&release, at) {
            continue;
        }
        let Some(found) = tx.get::<Release>(release.as_str())? else {
            continue;
        };
        consents::holding(
            tx,
            &consents::new_changes(tx, &found)?,
            &breakglass.statement.bytes(),
            &mut breakglass.consents,
        )?;
        if breakglass.is_open(&release, at) {
            open.push(breakglass);
        }
    }
    Ok(open)
}

/// Those that somebody must look at: they were opened and not reviewed.
pub(crate) fn unreviewed(tx: &Tx<'_>) -> Result<Vec<Breakglass>, StoreError> {
    let mut unreviewed = tx.list::<Breakglass>(true, LIST_MAX)?;
    unreviewed.retain(Breakglass::wants_review);
    Ok(unreviewed)
}

fn about(kind: &str, actor: Actor, breakglass: &Breakglass, text: &str) -> Event {
    let statement = &breakglass.statement;
    let subject = vec![
        breakglass.id.to_string(),
        statement.release.to_string(),
        statement.digest.to_string(),
        statement.service.to_string(),
    ];
    let decision = serde_json::json!({
        "text": format!("break-glass {text}, until {}: {}", statement.expires, statement.reason),
        "reason": statement.reason, "expires": statement.expires,
    });
    record::event(kind, actor, subject, decision)
}
