//! Freezes: while one is open nothing moves towards production.

use axum::Json;
use axum::extract::{Path, State};
use safeguard_api::audit::Event;
use safeguard_api::freeze::FreezeSpec;
use safeguard_api::{Freeze, FreezeId, Span};
use safeguard_store::{Document, StoreError, Tx};
use serde::{Deserialize, Serialize};

use super::{Answer, ApiError, Body, IdPath, LIST_MAX, birth, parse_id};
use crate::App;
use crate::auth::Caller;
use crate::record::{self, now};

const REASON_BYTES_MAX: usize = 512;
const NOT_CLOSED_KEY: &str = "all";
/// The loop reads them all at every round.
const NOT_CLOSED_MAX: usize = 256;
const KEPT_LONGEST: Span = Span::hours(24);

pub(super) async fn open(
    State(app): State<App>,
    caller: Caller,
    Body(spec): Body<FreezeSpec>,
) -> Answer<Freeze> {
    let mut problems = Vec::new();
    if spec.reason.trim().is_empty() || spec.reason.len() > REASON_BYTES_MAX {
        problems.push(format!("`reason` must have 1 to {REASON_BYTES_MAX} bytes"));
    }
    if spec.until.is_some_and(|until| until <= now()) {
        problems.push("`until` is in the past".to_owned());
    }
    if !problems.is_empty() {
        return Err(ApiError::invalid("the freeze can not be opened", problems));
    }
    if let Some(service) = &spec.service {
        super::releases::known_service(&app, service)?;
    }
    let opened_at = now();
    let (ms, chance) = birth(opened_at)?;
    let freeze = Freeze {
        id: FreezeId::new(ms, chance),
        service: spec.service,
        reason: spec.reason,
        opened_by: caller.actor.id.clone(),
        opened_at,
        until: spec.until,
        closed_at: None,
    };
    let event = record::event(
        "freeze.opened",
        caller.actor,
        vec![freeze.id.to_string()],
        serde_json::json!({ "service": freeze.service, "reason": freeze.reason, "until": freeze.until }),
    );
    save(&app, event, move |_| Ok(freeze)).await
}

pub(super) async fn close(State(app): State<App>, caller: Caller, Path(id): IdPath) -> Answer<Freeze> {
    let id: FreezeId = parse_id(&id)?;
    let event = record::event(
        "freeze.closed",
        caller.actor,
        vec![id.to_string()],
        serde_json::Value::Null,
    );
    save(&app, event, move |tx| {
        let mut freeze = tx
            .get::<Freeze>(id.as_str())?
            .ok_or_else(|| ApiError::not_found("freeze", &id))?;
        if let Some(closed_at) = freeze.closed_at {
            return Err(ApiError::refused(format!(
                "freeze {id} was closed at {closed_at}"
            )));
        }
        freeze.closed_at = Some(now());
        Ok(freeze)
    })
    .await
}

/// Keeps what `make` says of a freeze, and whether it is open.
async fn save(
    app: &App,
    event: Event,
    make: impl FnOnce(&Tx<'_>) -> Result<Freeze, ApiError> + Send + 'static,
) -> Answer<Freeze> {
    let freeze = app
        .store
        .write(move |tx| -> Result<Freeze, ApiError> {
            let freeze = make(tx)?;
            remember(tx, &freeze)?;
            let mut event = event;
            if freeze.closed_at.is_some() {
                event.decision = serde_json::json!({ "opened_at": freeze.opened_at });
            }
            tx.append(&event)?;
            tx.put(&freeze)?;
            Ok(freeze)
        })
        .await??;
    app.control.wake();
    Ok(Json(freeze))
}

/// The freezes that nobody has closed: those that hold something are among them, however many came later.
#[derive(Serialize, Deserialize)]
struct NotClosed {
    freezes: Vec<FreezeId>,
}

impl Document for NotClosed {
    const KIND: &'static str = "freezes-not-closed";
    fn key(&self) -> String {
        NOT_CLOSED_KEY.to_owned()
    }
}

/// The freezes that nobody has closed, the oldest first.
pub(crate) fn not_closed(tx: &Tx<'_>) -> Result<Vec<Freeze>, StoreError> {
    let Some(known) = tx.get::<NotClosed>(NOT_CLOSED_KEY)? else {
        return tx.list::<Freeze>(false, LIST_MAX);
    };
    let mut freezes = Vec::with_capacity(known.freezes.len());
    for id in &known.freezes {
        freezes.extend(tx.get::<Freeze>(id.as_str())?);
    }
    Ok(freezes)
}

fn remember(tx: &mut Tx<'_>, freeze: &Freeze) -> Result<(), ApiError> {
    let at = now();
    // A freeze that is over is kept for a while: the clock may have been wrong.
    let may_hold = |other: &Freeze| {
        other.closed_at.is_none() && other.until.is_none_or(|until| at.since(until) < KEPT_LONGEST)
    };
    let mut freezes = not_closed(tx)?;
    freezes.retain(|other| other.id != freeze.id && may_hold(other));
    if may_hold(freeze) {
        if NOT_CLOSED_MAX <= freezes.len() {
            let title = format!("{} freezes are open (limit {NOT_CLOSED_MAX})", freezes.len());
            return Err(
                ApiError::refused(title).hint("run `safeguard freeze close ID` for those that are over")
            );
        }
        freezes.push(freeze.clone());
    }
    tx.put(&NotClosed {
        freezes: freezes.into_iter().map(|freeze| freeze.id).collect(),
    })?;
    Ok(())
}

pub(super) async fn list(State(app): State<App>) -> Answer<Vec<Freeze>> {
    let (mut freezes, open) = app
        .store
        .read(|tx| Ok((tx.list::<Freeze>(true, LIST_MAX)?, not_closed(tx)?)))
        .await?;
    for freeze in open {
        if freezes.iter().all(|listed| listed.id != freeze.id) {
            freezes.push(freeze);
        }
    }
    let at = now();
    let over = |freeze: &Freeze| freeze.closed_at.is_some() || freeze.until.is_some_and(|until| until <= at);
    freezes.sort_by_key(over);
    Ok(Json(freezes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use safeguard_store::{Place, Settings, Store};

    use super::*;

    fn freeze(number: u32, closed: bool) -> Freeze {
        Freeze {
            id: FreezeId::new(u64::from(number), 0),
            service: None,
            reason: "holidays".to_owned(),
            opened_by: "ada".to_owned(),
            opened_at: now(),
            until: None,
            closed_at: closed.then(now),
        }
    }

    #[test]
    fn an_open_freeze_outlives_any_number_of_closed_ones() {
        let store = Store::open(Settings {
            place: Place::Memory,
            origin: "test".to_owned(),
            key: [1; 32],
            checkpoint_file: None,
        })
        .unwrap();
        let keep = |freeze: Freeze| {
            store
                .write_blocking(move |tx| -> Result<(), ApiError> {
                    remember(tx, &freeze)?;
                    tx.put(&freeze)?;
                    Ok(())
                })
                .unwrap()
        };
        keep(freeze(0, false)).unwrap();
        for number in 1..600 {
            keep(freeze(number, false)).unwrap();
            keep(freeze(number, true)).unwrap();
        }
        let open = store.read_blocking(not_closed).unwrap();
        let ids: Vec<FreezeId> = open.into_iter().map(|freeze| freeze.id).collect();
        assert_eq!(ids, [freeze(0, false).id]);
        for number in 600..600 + NOT_CLOSED_MAX as u32 - 1 {
            keep(freeze(number, false)).unwrap();
        }
        assert!(keep(freeze(2000, false)).is_err());
    }
}
