//! Two small pages for passkeys: one enrols a key by an invitation, the other shows a dossier and signs it.

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use safeguard_api::ReleaseId;
use serde::Deserialize;
use tracing::warn;

use crate::App;
use crate::api::passkeys;
use crate::auth::Entered;

const APPROVE: &str = include_str!("approve.html");
const ENROL: &str = include_str!("enrol.html");
const ENTERED: &str = include_str!("entered.html");
const TOLD: &str = include_str!("told.html");
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
    if release.parse::<ReleaseId>().is_err() {
        let next = "Run <code>safeguard status</code>: it lists the releases.";
        return told(StatusCode::NOT_FOUND, "There is no such release", "", next);
    }
    let again = format!("safeguard approve {release} --passkey");
    match code {
        Some(code) => match app.door.follow(&code, &format!("/approve/{release}")) {
            Ok(Some(found)) => entered(found),
            Ok(None) => stale(&again),
            Err(error) => unavailable(&format!("no random bytes: {error}")),
        },
        None if app.door.has_session(&headers) => Html(APPROVE).into_response(),
        None => stale(&again),
    }
}

async fn enrol(State(app): State<App>, Query(Code { code }): Query<Code>, headers: HeaderMap) -> Response {
    const AGAIN: &str = "safeguard passkey invite --person NAME";
    let Some(code) = code else {
        return match app.door.has_session(&headers) {
            true => Html(ENROL).into_response(),
            false => stale(AGAIN),
        };
    };
    let found = app.store.read(move |tx| passkeys::invitation(tx, &code)).await;
    match found {
        Ok(Some(enrols)) => match app.door.enrols(enrols, "/enrol") {
            Ok(found) => entered(found),
            Err(error) => unavailable(&format!("no random bytes: {error}")),
        },
        Ok(None) => stale(AGAIN),
        Err(error) => {
            warn!(%error, "An invitation can not be read");
            unavailable("the store does not answer")
        }
    }
}

/// Lets a browser in by a page that goes on by itself. A redirect would not do: where the link stood on
/// another site, such as one for mail, browsers send no strict cookie along with it.
fn entered(Entered { cookie, page }: Entered) -> Response {
    let text = ENTERED.replace("PAGE", &page);
    ([(header::SET_COOKIE, cookie)], Html(text)).into_response()
}

fn stale(command: &str) -> Response {
    let why = "It was used before, its time is over, or it is not ours. Each link works once.";
    let next = format!("Run <code>{command}</code> for another one.");
    told(StatusCode::UNAUTHORIZED, "This link opens nothing", why, &next)
}

fn unavailable(why: &str) -> Response {
    let next = "Try again; <code>safeguard doctor</code> says what is wrong with the server.";
    told(StatusCode::SERVICE_UNAVAILABLE, "Not now", why, next)
}

/// A page of a few words, all of them ours.
fn told(status: StatusCode, title: &str, why: &str, next: &str) -> Response {
    let text = TOLD
        .replace("TITLE", title)
        .replace("WHY", why)
        .replace("NEXT", next);
    (status, Html(text)).into_response()
}
