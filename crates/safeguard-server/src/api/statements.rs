//! What guard proxies decided, and the approvals by which people let a refused statement run once.

use axum::Json;
use axum::extract::{Path, State};
use safeguard_api::approval::{Signable, SignedStatement};
use safeguard_api::audit::{Actor, Event};
use safeguard_api::breakglass::{BREAKGLASS_PERSONS_MIN, Review, ReviewSpec};
use safeguard_api::config::Approver;
use safeguard_api::credential::user_of;
use safeguard_api::statement::{
    ApprovedStatement, CODE_PREFIX, DECISIONS_MAX, DecisionBatch, DecisionsRecorded, REQUESTS_MAX, Redeemed,
    Redemption, STATEMENT_API, STATEMENT_APPROVAL_LONGEST, StatementApproval, StatementCode,
    StatementDecision, StatementText, TAKES_MAX, Takes, Wording,
};
use safeguard_api::{DecisionId, Digest, Span, StatementRequest, Timestamp};
use safeguard_store::{StoreError, Tx};

use super::{Answer, ApiError, Body, IdPath, LIST_MAX, consents, parse_id};
use crate::App;
use crate::auth::{Caller, random_hex, same};
use crate::record::{self, now};

/// A table's name and its schema's, quoted, or a kind of object.
const NAME_BYTES_MAX: usize = 300;

pub(super) async fn record(
    State(app): State<App>,
    caller: Caller,
    Body(batch): Body<DecisionBatch>,
) -> Answer<DecisionsRecorded> {
    if batch.decisions.is_empty() || batch.decisions.len() > DECISIONS_MAX {
        let details = vec![format!("`decisions` has 1 to {DECISIONS_MAX} of them")];
        return Err(ApiError::invalid("the decisions can not be recorded", details));
    }
    let entry = app
        .store
        .write(move |tx| take_in(tx, batch, caller.actor))
        .await??;
    Ok(Json(DecisionsRecorded { entry }))
}

/// Appends one entry for the whole batch, and keeps the texts that a person may approve apart from it.
fn take_in(tx: &mut Tx<'_>, batch: DecisionBatch, actor: Actor) -> Result<u64, StoreError> {
    let mut event = record::event(
        "statement.decided",
        actor,
        vec![batch.proxy.to_string(), batch.environment.to_string()],
        serde_json::json!({
            "proxy": batch.proxy, "environment": batch.environment, "decisions": batch.decisions,
        }),
    );
    let mut room = REQUESTS_MAX.saturating_sub(asked_lately(tx)?);
    for asked in batch.texts {
        let StatementText {
            decision: id,
            text,
            values,
        } = asked;
        let wording = Wording { text, values };
        let decision = batch.decisions.iter().find(|one| one.decision == id);
        let Some(decision) = decision.filter(|_| room > 0 && wording.is_readable()) else {
            continue;
        };
        if tx.get::<StatementRequest>(id.as_str())?.is_some() {
            continue;
        }
        let commitment = tx.salt_and_commit(id.as_str(), &wording.bytes())?;
        tx.put(&StatementRequest {
            proxy: batch.proxy.clone(),
            environment: batch.environment,
            decision: decision.clone(),
            commitment: commitment.hmac.clone(),
            text: None,
            values: Vec::new(),
            approved: None,
        })?;
        event.commit.push(commitment);
        room -= 1;
    }
    tx.append(&event)
}

fn asked_lately(tx: &Tx<'_>) -> Result<usize, StoreError> {
    let at = now();
    let newest = tx.list::<StatementRequest>(true, REQUESTS_MAX)?;
    Ok(newest
        .iter()
        .filter(|request| at.since(request.decision.at) < Span::hours(24))
        .count())
}

pub(super) async fn list(State(app): State<App>) -> Answer<Vec<StatementRequest>> {
    let requests = app.store.read(|tx| {
        let mut requests = tx.list::<StatementRequest>(true, LIST_MAX)?;
        for request in &mut requests {
            if let Some(Wording { text, values }) = wording_of(tx, request)? {
                (request.text, request.values) = (Some(text), values);
            }
        }
        Ok(requests)
    });
    Ok(Json(requests.await?))
}

fn wording_of(tx: &Tx<'_>, request: &StatementRequest) -> Result<Option<Wording>, StoreError> {
    Ok(tx.personal(&request.commitment)?.and_then(Wording::read))
}

pub(super) async fn approve(
    State(app): State<App>,
    caller: Caller,
    Path(id): IdPath,
    Body(signed): Body<SignedStatement>,
) -> Answer<StatementCode> {
    let id: DecisionId = parse_id(&id)?;
    let code = format!("{CODE_PREFIX}{}", random_hex()?);
    let (actor, subject) = (caller.actor.clone(), vec![id.to_string()]);
    let answer = app
        .store
        .write(move |tx| add(tx, &id, signed, code, actor))
        .await?;
    consents::answered(&app, answer, "statement.refused", caller.actor, subject).await
}

fn add(
    tx: &mut Tx<'_>,
    id: &DecisionId,
    signed: SignedStatement,
    code: String,
    actor: Actor,
) -> Result<StatementCode, ApiError> {
    let at = consents::clock_goes_forward(tx)?;
    let mut request = find(tx, id)?;
    let statement: StatementApproval = serde_json::from_str(&signed.text).map_err(|error| {
        ApiError::refused(format!("what is signed is no approval of a statement: {error}"))
    })?;
    let approver = consents::signed_by(tx, &statement, &signed)?;
    let problems = problems(tx, &request, &statement, &approver, at)?;
    if !problems.is_empty() {
        let refused = ApiError::refused(format!("{} can not be approved so", id));
        return Err(ApiError(refused.0.with_details(problems)));
    }
    let before = request
        .approved
        .as_ref()
        .map_or_else(Vec::new, ApprovedStatement::consents);
    consents::not_signed_yet(&before, &approver.person)?;
    let is_last = before.len() + 1 >= statement.persons_min();
    let mut event = signed_event(actor, &request, &statement, is_last);
    consents::commit_to_signer(tx, &mut event, &approver.person, &signed.signature)?;
    let entry = tx.append(&event)?;
    let mut approved = match request.approved.take() {
        Some(mut approved) => {
            consents::add_consent(&mut approved.more, &approver, signed, at, entry);
            approved
        }
        None => ApprovedStatement {
            statement: statement.clone(),
            person: approver.person,
            signed,
            signed_at: at,
            more: Vec::new(),
            code_sha256: None,
            used_at: None,
            review: None,
            entry,
        },
    };
    let code = Some(code).filter(|_| is_last);
    approved.code_sha256 = code.as_ref().map(|code| Digest::of(code.as_bytes()));
    let persons = approved.persons().into_iter().map(str::to_owned).collect();
    request.approved = Some(approved);
    tx.put(&request)?;
    Ok(StatementCode {
        code,
        statement,
        persons,
        entry,
    })
}

fn signed_event(
    actor: Actor,
    request: &StatementRequest,
    statement: &StatementApproval,
    is_last: bool,
) -> Event {
    let (kind, may) = match is_last {
        true => ("statement.approved", "may run once"),
        false => (
            "statement.signed",
            "may run once when another person has signed it",
        ),
    };
    let takes = statement.takes.as_ref().map_or_else(String::new, |takes| {
        format!(", taking {}", takes.relations.join(", "))
    });
    let why = statement.breakglass.as_ref().map_or_else(String::new, |glass| {
        let freeze = if glass.lifts_freeze {
            "through a freeze"
        } else {
            "in production"
        };
        format!(", break-glass {freeze}: {}", glass.reason)
    });
    let kept = if statement.unkept {
        ", nothing is kept of it"
    } else {
        ""
    };
    let text = format!(
        "{may} until {}, changing at most {} rows and deleting at most {}{takes}{kept}{why}",
        statement.expires, statement.budget.rows_changed_max, statement.budget.rows_deleted_max
    );
    about(kind, actor, request, text)
}

fn find(tx: &Tx<'_>, id: &DecisionId) -> Result<StatementRequest, ApiError> {
    tx.get::<StatementRequest>(id.as_str())?
        .ok_or_else(|| ApiError::not_found("statement", id))
}

/// Whether the approver asked for it, or has somebody ask.
fn is_own(approver: &Approver, decision: &StatementDecision) -> bool {
    let user = user_of(&decision.login);
    approver.is_known_as(user)
        || decision
            .person
            .as_ref()
            .is_some_and(|person| approver.is_known_as(person))
}

/// Everything for which an approval does not speak of the request, or does not count.
fn problems(
    tx: &Tx<'_>,
    request: &StatementRequest,
    statement: &StatementApproval,
    approver: &Approver,
    at: Timestamp,
) -> Result<Vec<String>, StoreError> {
    let mut problems = Vec::new();
    let mut wrong = |is_wrong: bool, words: String| {
        if is_wrong {
            problems.push(words);
        }
    };
    let decision = &request.decision;
    let digest = wording_of(tx, request)?.map(|wording| wording.digest());
    wrong(
        statement.api != STATEMENT_API,
        format!("`api` is not `{STATEMENT_API}`"),
    );
    wrong(
        statement.decision != decision.decision
            || statement.proxy != request.proxy
            || statement.environment != request.environment
            || statement.login != decision.login
            || statement.principal != decision.principal,
        "it speaks of another decision".to_owned(),
    );
    wrong(
        digest.is_none(),
        "the text of the statement was erased".to_owned(),
    );
    wrong(
        digest.is_some_and(|digest| digest != statement.statement),
        "it speaks of another text, or of other values of its parameters".to_owned(),
    );
    wrong(
        decision.unkept != statement.unkept,
        "`unkept` says whether nothing is kept of what the statement removes".to_owned(),
    );
    wrong(
        decision.takes_tables() != statement.takes.is_some(),
        "`takes` has the tables of a `DROP TABLE` or `TRUNCATE`, and of nothing else".to_owned(),
    );
    wrong(
        statement.takes.as_ref().is_some_and(|takes| !is_plain(takes)),
        format!(
            "`takes` has 1 to {TAKES_MAX} tables, each with its schema, and at most {TAKES_MAX} kinds of objects"
        ),
    );
    let latest = at.plus(STATEMENT_APPROVAL_LONGEST);
    wrong(
        statement.expires <= at || latest < statement.expires,
        format!("`expires` must be in the future, and within {STATEMENT_APPROVAL_LONGEST}"),
    );
    wrong(
        is_own(approver, decision),
        format!("{} asked for it, or whoever asked works for {0}", approver.person),
    );
    let before = request.approved.as_ref();
    wrong(
        before.is_some_and(ApprovedStatement::is_signed),
        "it was approved before; run it again without a code for a new decision".to_owned(),
    );
    wrong(
        before.is_some_and(|before| !before.is_signed() && before.statement != *statement),
        "another person has signed something else about it; sign the same, or run it again for a new decision".to_owned(),
    );
    let glass = statement.breakglass.as_ref();
    wrong(
        request.wants_breakglass() && glass.is_none(),
        format!("it takes {BREAKGLASS_PERSONS_MIN} people and a reason: `--reason`"),
    );
    wrong(
        glass.is_some_and(|glass| glass.lifts_freeze != decision.frozen),
        "`lifts_freeze` is for what a freeze stands against, and for that alone".to_owned(),
    );
    problems.extend(glass.and_then(|glass| consents::reason_problem(&glass.reason)));
    Ok(problems)
}

fn is_plain(takes: &Takes) -> bool {
    let Takes { relations, also } = takes;
    let is_short = |text: &String| !text.is_empty() && text.len() <= NAME_BYTES_MAX;
    (1..=TAKES_MAX).contains(&relations.len())
        && also.len() <= TAKES_MAX
        && relations.iter().chain(also).all(is_short)
        && relations.iter().all(|name| Takes::is_qualified(name))
}

pub(super) async fn redeem(
    State(app): State<App>,
    caller: Caller,
    Body(redemption): Body<Redemption>,
) -> Answer<Redeemed> {
    let (actor, subject) = (caller.actor.clone(), vec![redemption.proxy.to_string()]);
    let answer = app.store.write(move |tx| use_up(tx, &redemption, actor)).await?;
    consents::answered(&app, answer, "statement.code-refused", caller.actor, subject).await
}

fn use_up(tx: &mut Tx<'_>, redemption: &Redemption, actor: Actor) -> Result<Redeemed, ApiError> {
    let at = consents::clock_goes_forward(tx)?;
    let presented = Digest::of(redemption.code.as_bytes());
    let requests = tx.list::<StatementRequest>(true, LIST_MAX)?;
    let found = requests.into_iter().find_map(|request| {
        let approved = request.approved.clone()?;
        let known = approved.code_sha256.clone()?;
        same(&known, &presented).then_some((request, approved))
    });
    let Some((mut request, mut approved)) = found else {
        return Err(ApiError::refused("there is no such code"));
    };
    let statement = &approved.statement;
    let elsewhere = statement.proxy != redemption.proxy
        || statement.environment != redemption.environment
        || statement.login != redemption.login;
    if let Some(used) = approved.used_at {
        return Err(ApiError::refused(format!("the code was used up at {used}")));
    }
    if elsewhere {
        return Err(ApiError::refused("the code is of another login or another proxy"));
    }
    if statement.statement != redemption.statement {
        return Err(ApiError::refused(
            "another text was approved, to the letter, or other values of its parameters",
        ));
    }
    if statement.expires <= at {
        return Err(ApiError::refused(format!("it expired at {}", statement.expires)));
    }
    let lifts_freeze = statement
        .breakglass
        .as_ref()
        .is_some_and(|glass| glass.lifts_freeze);
    if redemption.frozen && !lifts_freeze {
        return Err(ApiError::refused(
            "a freeze holds it, and it was not approved for that",
        ));
    }
    // Whoever signed it must be an approver still.
    let mut holding = approved.consents();
    consents::holding(tx, &[], &statement.bytes(), &mut holding)?;
    if holding.len() < statement.persons_min() {
        return Err(ApiError::refused("whoever approved it may not approve any more"));
    }
    let mut event = about(
        "statement.code-used",
        actor,
        &request,
        "runs once, now".to_owned(),
    );
    event.subject.push(format!("entry {}", approved.entry));
    let entry = tx.append(&event)?;
    let redeemed = Redeemed {
        decision: statement.decision.clone(),
        budget: statement.budget,
        takes: statement.takes.clone(),
        entry,
    };
    approved.used_at = Some(at);
    request.approved = Some(approved);
    tx.put(&request)?;
    Ok(redeemed)
}

pub(super) async fn review(
    State(app): State<App>,
    caller: Caller,
    Path(id): IdPath,
    Body(spec): Body<ReviewSpec>,
) -> Answer<StatementRequest> {
    let id: DecisionId = parse_id(&id)?;
    if let Some(problem) = consents::reason_problem(&spec.finding) {
        let problem = problem.replace("reason", "finding");
        return Err(ApiError::invalid("the review can not be recorded", vec![problem]));
    }
    let (actor, subject) = (caller.actor.clone(), vec![id.to_string()]);
    let answer = app.store.write(move |tx| reviewed(tx, &id, spec, actor)).await?;
    consents::answered(&app, answer, "statement.refused", caller.actor, subject).await
}

fn reviewed(
    tx: &mut Tx<'_>,
    id: &DecisionId,
    spec: ReviewSpec,
    actor: Actor,
) -> Result<StatementRequest, ApiError> {
    let mut request = find(tx, id)?;
    let Some(mut approved) = request.approved.clone().filter(ApprovedStatement::wants_review) else {
        let title = format!("{id} was let run by no two people, or was reviewed already");
        return Err(ApiError::refused(title));
    };
    let by = actor.id.clone();
    let event = about(
        "statement.reviewed",
        actor,
        &request,
        format!("reviewed: {}", spec.finding),
    );
    let entry = tx.append(&event)?;
    approved.review = Some(Review {
        by,
        at: now(),
        finding: spec.finding,
        entry,
    });
    request.approved = Some(approved);
    tx.put(&request)?;
    Ok(request)
}

/// Those that two people let run, and nobody has looked at since.
pub(super) fn unreviewed(tx: &Tx<'_>) -> Result<Vec<StatementRequest>, StoreError> {
    let mut unreviewed = tx.list::<StatementRequest>(true, LIST_MAX)?;
    unreviewed.retain(|request| {
        request
            .approved
            .as_ref()
            .is_some_and(ApprovedStatement::wants_review)
    });
    Ok(unreviewed)
}

fn about(kind: &str, actor: Actor, request: &StatementRequest, text: String) -> Event {
    let decision = &request.decision;
    let subject = vec![
        decision.decision.to_string(),
        request.proxy.to_string(),
        request.environment.to_string(),
        decision.login.clone(),
    ];
    record::event(kind, actor, subject, serde_json::json!({ "text": text }))
}

#[cfg(test)]
mod tests;
