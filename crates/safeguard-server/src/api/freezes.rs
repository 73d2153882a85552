//! Freezes: while one is open nothing moves towards production.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use safeguard_api::audit::Event;
use safeguard_api::freeze::{FreezeCheck, FreezeSpec};
use safeguard_api::{Digest, Freeze, FreezeId, Name, Problem, Span, Timestamp};
use safeguard_calendar::Calendars;
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
/// Of calendars, in an export.
const EXPORTED_AHEAD: Span = Span::hours(400 * 24);
/// Of what has no end, in an export.
const SHOWN_AHEAD: Span = Span::hours(24);
const EVENTS_MAX: usize = 2000;

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

/// Which moment and service are meant; unsaid: now, and all.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    at: Option<Timestamp>,
    service: Option<Name>,
}

pub(super) async fn check(State(app): State<App>, Query(asked): Query<Asked>) -> Answer<Vec<FreezeCheck>> {
    let services = match &asked.service {
        Some(service) => {
            super::releases::known_service(&app, service)?;
            vec![service.clone()]
        }
        None => app.config.services.keys().cloned().collect(),
    };
    let at = asked.at.unwrap_or_else(now);
    let freezes = app.store.read(not_closed).await?;
    let calendars = calendars(&app, at).await?;
    let check = |service| calendars.check(service, &freezes, at);
    Ok(Json(services.iter().map(check).collect()))
}

/// The calendars of the last round, expanded around `at` where they do not reach.
async fn calendars(app: &App, at: Timestamp) -> Result<Arc<Calendars>, ApiError> {
    let world = app.world.borrow().clone();
    if world.looked_at == Timestamp::default() {
        let title = "the control loop has not ended a round yet";
        return Err(ApiError(
            Problem::new(503, "unavailable", title).with_hint("ask again in a moment"),
        ));
    }
    if world.calendars.know(at) {
        return Ok(world.calendars.clone());
    }
    let services: Vec<Name> = app.config.services.keys().cloned().collect();
    let expanding = tokio::task::spawn_blocking(move || world.calendars.around(&services, at));
    let expanded = expanding.await.map_err(|error| {
        ApiError(Problem::new(
            500,
            "unavailable",
            format!("the calendars could not be expanded: {error}"),
        ))
    });
    expanded.map(Arc::new)
}

/// What people subscribe to: freezes that are open, and what the calendars say of the coming year.
pub(super) async fn ics(State(app): State<App>) -> Result<Response, ApiError> {
    let at = now();
    let freezes = app.store.read(not_closed).await?;
    let calendars = calendars(&app, at).await?;
    let mut events: Vec<safeguard_calendar::Event> = freezes
        .iter()
        .filter(|freeze| freeze.until.is_none_or(|until| at < until))
        .map(|freeze| opened(freeze, at))
        .collect();
    for (name, outcome) in calendars.outcomes() {
        if let Err(why) = outcome {
            events.push(safeguard_calendar::Event {
                uid: format!("{name}-not-understood@safeguard"),
                from: at,
                to: at.plus(SHOWN_AHEAD),
                summary: format!("Freeze: the calendar {name} is not understood"),
                description: format!("{why}\nIt is closed until it is mended."),
            });
        }
    }
    for (name, services, schedule) in calendars.schedules() {
        let whom = match services {
            [] => "all services".to_owned(),
            services => services.iter().map(Name::as_str).collect::<Vec<_>>().join(", "),
        };
        let deny = schedule.deny.iter().map(|spell| ("Freeze", spell));
        let allow = schedule
            .allow
            .iter()
            .flatten()
            .map(|spell| ("Releases allowed", spell));
        let ahead = at.plus(EXPORTED_AHEAD);
        for (what, spell) in deny.chain(allow).filter(|(_, spell)| spell.from < ahead) {
            let label = Digest::of(format!("{what} {}", spell.label).as_bytes());
            events.push(safeguard_calendar::Event {
                uid: format!("{name}-{}-{}@safeguard", spell.from.ms(), label.short()),
                from: spell.from,
                to: spell.to,
                summary: format!("{what}: {}", spell.label),
                description: format!("calendar {name}, {whom}\nRolling back is always allowed."),
            });
        }
    }
    events.sort_by(|one, other| (one.from, &one.uid).cmp(&(other.from, &other.uid)));
    events.truncate(EVENTS_MAX);
    let text = safeguard_calendar::export("safeguard: freezes", &events, at);
    Ok(([(header::CONTENT_TYPE, "text/calendar; charset=utf-8")], text).into_response())
}

/// A freeze without an end is shown for a day, and longer at the next export.
fn opened(freeze: &Freeze, at: Timestamp) -> safeguard_calendar::Event {
    let whom = freeze
        .service
        .as_ref()
        .map_or("all services".to_owned(), ToString::to_string);
    let until = match freeze.until {
        Some(until) => format!("until {until}"),
        None => "until somebody closes it".to_owned(),
    };
    safeguard_calendar::Event {
        uid: format!("{}@safeguard", freeze.id),
        from: freeze.opened_at,
        to: freeze.until.unwrap_or_else(|| at.plus(SHOWN_AHEAD)),
        summary: format!("Freeze: {}", freeze.reason),
        description: format!(
            "opened by {}, {whom}, {until}\nRolling back is always allowed.",
            freeze.opened_by
        ),
    }
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
