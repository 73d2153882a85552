//! The REST API: routes, authorisation and errors. The handlers lie beside, one file for each noun.

mod approvals;
mod artifacts;
pub(crate) mod attestations;
mod audit;
mod bisects;
pub(crate) mod breakglasses;
mod changes;
pub(crate) mod consents;
mod credentials;
mod documents;
mod dossiers;
mod drills;
pub(crate) mod evidence;
pub(crate) mod freezes;
mod gates;
mod openapi;
pub(crate) mod passkeys;
pub(crate) mod policy;
mod policy_changes;
mod release_dossier;
mod releases;
mod statements;
mod status;
mod tlog;
mod tokens;
mod waivers;

use axum::Json;
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use safeguard_api::audit::Entry;
use safeguard_api::operation::{Method, OPERATIONS, Operation, Scope};
use safeguard_api::status::EntrySummary;
use safeguard_api::{Problem, Timestamp};
use safeguard_store::StoreError;
use serde::de::DeserializeOwned;

use crate::App;
use crate::auth::{Caller, Refused};

/// A JSON body may be this long.
const BODY_BYTES_MAX: usize = 1 << 20;
/// A list answers at most this many.
pub(crate) const LIST_MAX: usize = 500;

/// Every route of the table, and the two pages for a browser.
pub(crate) fn router(app: App) -> Router {
    let mut router = Router::new();
    for operation in OPERATIONS {
        let guard = axum::middleware::from_fn_with_state((app.clone(), operation), authorise);
        router = router.route(operation.path, route(operation).route_layer(guard));
    }
    router
        .merge(crate::page::router())
        .fallback(|| async { ApiError(Problem::new(404, "not-found", "there is no such address")) })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(app)
}

/// Joins an operation of the table to its handler. The test of completeness calls it for each.
fn route(operation: &Operation) -> MethodRouter<App> {
    use axum::routing::{get, post, put};
    match operation.id {
        "approval.add" => post(approvals::add),
        "approval.link" => post(approvals::link),
        "approval.list" => get(approvals::list),
        "approval.request" => post(approvals::request),
        "approval.who" => get(approvals::who),
        "artifact.put" => put(artifacts::put_artifact).layer(DefaultBodyLimit::disable()),
        "audit.entries" => get(audit::entries),
        "audit.export" => post(audit::export),
        "audit.prove" => get(audit::prove),
        "bisect.show" => get(bisects::show),
        "bisect.start" => post(bisects::start),
        "bisect.try" => put(bisects::try_artifact).layer(DefaultBodyLimit::disable()),
        "bisect.unbuilt" => post(bisects::unbuilt),
        "breakglass.list" => get(breakglasses::list),
        "breakglass.request" => post(breakglasses::request),
        "breakglass.review" => post(breakglasses::review),
        "breakglass.sign" => post(breakglasses::sign),
        "change.add" => post(changes::add),
        "change.attach" => put(documents::attach).layer(DefaultBodyLimit::max(documents::DOCUMENT_BYTES_MAX)),
        "change.attest" => post(attestations::add),
        "change.document" => get(documents::show),
        "change.dossier" => get(dossiers::show),
        "change.list" => get(changes::list),
        "change.show" => get(changes::show),
        "credential.issue" => post(credentials::issue),
        "credential.list" => get(credentials::list),
        "credential.live" => get(credentials::live),
        "credential.revoke" => post(credentials::revoke),
        "credential.rotate" => post(credentials::rotate),
        "drill.run" => post(drills::run),
        "drill.show" => get(drills::show),
        "evidence.add" => post(evidence::add).layer(DefaultBodyLimit::max(evidence::REPORT_BYTES_MAX)),
        "evidence.list" => get(evidence::list),
        "evidence.show" => get(evidence::show),
        "freeze.check" => get(freezes::check),
        "freeze.close" => post(freezes::close),
        "freeze.ics" => get(freezes::ics),
        "freeze.list" => get(freezes::list),
        "freeze.open" => post(freezes::open),
        "gate.explain" => get(gates::explain),
        "health" => get(status::health),
        "openapi" => get(openapi::openapi),
        "passkey.enrol" => post(passkeys::enrol),
        "passkey.invitation" => get(passkeys::options),
        "passkey.invite" => post(passkeys::invite),
        "passkey.list" => get(passkeys::list),
        "passkey.revoke" => post(passkeys::revoke),
        "policy.apply" => post(policy::apply),
        "policy.changes" => get(policy_changes::list),
        "policy.propose" => post(policy_changes::propose),
        "policy.show" => get(policy::show),
        "policy.sign" => post(policy_changes::sign),
        "release.clear" => post(releases::clear),
        "release.create" => post(releases::create),
        "release.hold" => post(releases::hold),
        "release.list" => get(releases::list),
        "release.promote" => post(releases::promote),
        "release.review" => post(releases::review),
        "release.rollback" => post(releases::rollback),
        "release.show" => get(releases::show),
        "statement.approve" => post(statements::approve),
        "statement.list" => get(statements::list),
        "statement.record" => post(statements::record),
        "statement.redeem" => post(statements::redeem),
        "statement.review" => post(statements::review),
        "status" => get(status::status),
        "tlog.checkpoint" => get(tlog::checkpoint),
        "tlog.entries" => get(tlog::entries),
        "tlog.tile" => get(tlog::tile),
        "token.create" => post(tokens::create),
        "token.list" => get(tokens::list),
        "token.revoke" => post(tokens::revoke),
        "waiver.list" => get(waivers::list),
        "waiver.request" => post(waivers::request),
        "waiver.revoke" => post(waivers::revoke),
        "waiver.sign" => post(waivers::sign),
        // An operation without a handler is refused, whoever asks; a test finds it first.
        _ => {
            let refuse =
                || async { ApiError(Problem::new(501, "not-found", "this operation has no handler")) };
            match operation.method {
                Method::Get => get(refuse),
                Method::Post => post(refuse),
                Method::Put => put(refuse),
            }
        }
    }
}

/// Lets a request through when its caller may do the operation.
async fn authorise(
    State((app, operation)): State<(App, &'static Operation)>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if operation.scope > Scope::Public {
        let caller = app
            .door
            .caller(&app.store, request.headers(), operation.mutates())
            .await?;
        let Some(caller) = caller else {
            return Err(ApiError(
                Problem::new(401, "refused", "who you are is not known").with_hint(
                    "send `Authorization: Bearer <token>`, or open the login link that `safeguard up` prints",
                ),
            ));
        };
        if caller.scope < operation.scope {
            let title = format!(
                "`{}` needs the scope {:?}, and `{}` has {:?}",
                operation.id, operation.scope, caller.actor.id, caller.scope
            );
            return Err(ApiError(
                Problem::new(403, "refused", title.to_lowercase())
                    .with_hint("ask an administrator for `safeguard token create`"),
            ));
        }
        request.extensions_mut().insert(caller);
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    Ok(response)
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Caller, ApiError> {
        let refuse = || ApiError(Problem::new(401, "refused", "who you are is not known"));
        parts.extensions.get::<Caller>().cloned().ok_or_else(refuse)
    }
}

/// A JSON body; what does not fit is answered as a problem, with the place where it stopped fitting.
pub(crate) struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = ApiError;
    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        match Json::<T>::from_request(request, app).await {
            Ok(Json(value)) => Ok(Body(value)),
            Err(rejection) => Err(ApiError(Problem::new(
                rejection.status().as_u16(),
                "invalid",
                rejection.body_text().to_lowercase(),
            ))),
        }
    }
}

/// An id from the path.
pub(crate) fn parse_id<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, ApiError> {
    text.parse()
        .map_err(|error: T::Err| ApiError(Problem::new(400, "invalid", error.to_string())))
}

/// Log entries, the newest first, as people read them: the oldest first.
pub(crate) fn summaries(entries: Vec<Entry>) -> Vec<EntrySummary> {
    let summary = |entry: Entry| EntrySummary {
        index: entry.index,
        text: entry
            .event
            .decision
            .get("text")
            .and_then(|text| text.as_str())
            .unwrap_or("")
            .to_owned(),
        kind: entry.event.kind,
        at: entry.event.ts,
        late: entry.event.late,
    };
    entries.into_iter().rev().map(summary).collect()
}

/// How much of a list is wanted.
#[derive(serde::Deserialize)]
pub(crate) struct Page {
    pub limit: Option<usize>,
}

impl Page {
    pub fn limit(&self) -> usize {
        self.limit.unwrap_or(50).clamp(1, LIST_MAX)
    }
}

/// An error on its way out: always a problem document.
#[derive(Debug)]
pub(crate) struct ApiError(pub Problem);

pub(crate) type Answer<T> = Result<Json<T>, ApiError>;
pub(crate) type IdPath = Path<String>;

impl ApiError {
    pub fn not_found(what: &str, id: impl std::fmt::Display) -> ApiError {
        ApiError(
            Problem::new(404, "not-found", format!("there is no {what} `{id}`"))
                .with_hint(format!("run `safeguard {what} list`")),
        )
    }

    pub fn invalid(title: impl Into<String>, details: Vec<String>) -> ApiError {
        ApiError(Problem::new(422, "invalid", title).with_details(details))
    }

    pub fn refused(title: impl Into<String>) -> ApiError {
        ApiError(Problem::new(409, "refused", title))
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> ApiError {
        self.0.hint = Some(hint.into());
        self
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> ApiError {
        tracing::error!(%error, "The store failed");
        ApiError(
            Problem::new(503, "unavailable", format!("the store failed: {error}"))
                .with_hint("nothing was changed; run `safeguard doctor`"),
        )
    }
}

impl From<getrandom::Error> for ApiError {
    fn from(error: getrandom::Error) -> ApiError {
        ApiError(Problem::new(
            503,
            "unavailable",
            format!("no random bytes: {error}"),
        ))
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> ApiError {
        match refused {
            Refused::Problem(problem) => ApiError(problem),
            Refused::Store(error) => error.into(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.0)).into_response();
        let media = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, media);
        response
    }
}

/// Makes the number that an id is born with.
pub(crate) fn birth(at: Timestamp) -> Result<(u64, u32), ApiError> {
    Ok((at.0.unsigned_abs(), getrandom::u32()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_a_handler() {
        let source = include_str!("mod.rs");
        for operation in OPERATIONS {
            let arm = format!("\"{}\" => ", operation.id);
            assert!(source.contains(&arm), "{} has no handler", operation.id);
        }
    }
}
