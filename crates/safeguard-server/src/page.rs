//! The status page: what runs where, what is on its way, and one click to roll it back.

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;

use crate::App;
use crate::auth::Entered;

// The page loads nothing from elsewhere, and runs no script but its own.
const PAGE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("page.js");
const SESSION_SCRIPT: &str = include_str!("session.js");
const STYLE: &str = include_str!("page.css");
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/", get(page))
        .route("/login", get(log_in))
        .route(
            "/page.js",
            get(|| async { ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], SCRIPT) }),
        )
        .route(
            "/session.js",
            get(|| async {
                (
                    [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")],
                    SESSION_SCRIPT,
                )
            }),
        )
        .route(
            "/page.css",
            get(|| async { ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE) }),
        )
        .merge(crate::approve_page::router())
        .layer(map_response(protect))
}

/// Every answer is for this browser at this moment; the login link above all must neither be kept nor named elsewhere.
async fn protect(mut response: Response) -> Response {
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in fixed {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn page(State(app): State<App>, headers: HeaderMap) -> Response {
    if !app.door.has_session(&headers) {
        let text = "Open the one-time login link that `safeguard up` printed; \
                    a new one is made each time it starts.\n";
        return (StatusCode::UNAUTHORIZED, text).into_response();
    }
    Html(PAGE).into_response()
}

#[derive(Deserialize)]
struct Login {
    code: String,
}

async fn log_in(State(app): State<App>, Query(login): Query<Login>) -> Response {
    match app.door.log_in(&login.code) {
        Ok(Some(Entered { cookie, page })) => {
            ([(header::SET_COOKIE, cookie)], Redirect::to(&page)).into_response()
        }
        Ok(None) => {
            let text =
                "This login link was used before, or is not ours. Restart `safeguard up` for a new one.\n";
            (StatusCode::UNAUTHORIZED, text).into_response()
        }
        Err(error) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("no random bytes: {error}\n"),
        )
            .into_response(),
    }
}
