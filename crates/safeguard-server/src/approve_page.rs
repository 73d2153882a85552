//! Two small pages for passkeys: one enrols a key by an invitation, the other shows a dossier and signs it.

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;

use crate::App;
use crate::api::passkeys;

const APPROVE: &str = include_str!("approve.html");
const ENROL: &str = include_str!("enrol.html");
const APPROVE_SCRIPT: &str = include_str!("approve.js");
const ENROL_SCRIPT: &str = include_str!("enrol.js");
const PASSKEY_SCRIPT: &str = include_str!("passkey.js");
const STYLE: &str = include_str!("approve.css");

pub(crate) fn router() -> Router<App> {
    let script = |text: &'static str| {
        get(move || async move { ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], text) })
    };
    Router::new()
        .route("/approve/{release}", get(approve))
        .route("/enrol", get(enrol))
        .route("/approve.js", script(APPROVE_SCRIPT))
        .route("/enrol.js", script(ENROL_SCRIPT))
        .route("/passkey.js", script(PASSKEY_SCRIPT))
        .route(
            "/approve.css",
            get(|| async { ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE) }),
        )
}

#[derive(Deserialize)]
struct Code {
    code: Option<String>,
}

/// The link's code becomes a cookie, so that it stays in no history and no second tab.
async fn approve(
    State(app): State<App>,
    Path(release): Path<String>,
    Query(Code { code }): Query<Code>,
    headers: HeaderMap,
) -> Response {
    if release.parse::<safeguard_api::ReleaseId>().is_err() {
        return (StatusCode::NOT_FOUND, "There is no such release.\n").into_response();
    }
    match code {
        Some(code) => match app.door.follow(&code) {
            Ok(Some(cookie)) => (
                [(header::SET_COOKIE, cookie)],
                Redirect::to(&format!("/approve/{release}")),
            )
                .into_response(),
            Ok(None) => stale("safeguard approve REL --passkey"),
            Err(error) => no_chance(error),
        },
        None if app.door.has_session(&headers) => Html(APPROVE).into_response(),
        None => stale("safeguard approve REL --passkey"),
    }
}

async fn enrol(State(app): State<App>, Query(Code { code }): Query<Code>, headers: HeaderMap) -> Response {
    let Some(code) = code else {
        return if app.door.has_session(&headers) {
            Html(ENROL).into_response()
        } else {
            stale("safeguard passkey invite --person NAME")
        };
    };
    let found = app.store.read(move |tx| passkeys::invitation(tx, &code)).await;
    match found {
        Ok(Some(enrols)) => match app.door.enrols(enrols) {
            Ok(cookie) => ([(header::SET_COOKIE, cookie)], Redirect::to("/enrol")).into_response(),
            Err(error) => no_chance(error),
        },
        Ok(None) => stale("safeguard passkey invite --person NAME"),
        Err(error) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("the store failed: {error}\n"),
        )
            .into_response(),
    }
}

fn stale(command: &str) -> Response {
    let text =
        format!("This link was used before, is over, or is not ours.\nRun `{command}` for a new one.\n");
    (StatusCode::UNAUTHORIZED, text).into_response()
}

fn no_chance(error: getrandom::Error) -> Response {
    (
        StatusCode::SERVICE_UNAVAILABLE,
        format!("no random bytes: {error}\n"),
    )
        .into_response()
}
