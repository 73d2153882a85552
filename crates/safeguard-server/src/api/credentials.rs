//! Logins of the proxies in front of databases, issued for minutes. The password never comes here: whoever asks makes
//! it, and sends what proves it.

mod kept;

use axum::Json;
use axum::extract::{Path, Query, State};
use safeguard_api::config::{Proxy, ProxyUser};
use safeguard_api::credential::{
    CREDENTIAL_UNSAID, CredentialIssued, CredentialShown, CredentialSpec, CredentialState, GRACE_LONGEST,
    LiveCredential, LiveCredentials, RotationSpec,
};
use safeguard_api::id::CredentialId;
use safeguard_api::{Credential, Name, Problem};
use serde::Deserialize;

use self::kept::{Born, Wanted, about, cleaned, held, live_key, live_one};
use super::{Answer, ApiError, Body, IdPath, LIST_MAX, consents, parse_id};
use crate::App;
use crate::auth::Caller;
use crate::record::{self, now};

pub(super) async fn issue(
    State(app): State<App>,
    caller: Caller,
    Body(spec): Body<CredentialSpec>,
) -> Answer<CredentialIssued> {
    let (proxy, user) = configured(&app, &spec.proxy, &spec.user)?;
    let lasts = spec
        .lasts
        .unwrap_or_else(|| CREDENTIAL_UNSAID.min(user.credential_longest));
    let wanted = Wanted {
        proxy: spec.proxy.clone(),
        environment: proxy.environment,
        user: spec.user,
        principal: user.principal,
        lasts,
        verifier: spec.verifier,
        born: Born::new()?,
    };
    wanted.check(user, &caller)?;
    let actor = caller.actor;
    let credential = app
        .store
        .write(move |tx| wanted.issue(tx, consents::clock_goes_forward(tx)?, None, actor))
        .await??;
    Ok(Json(placed(credential, proxy)))
}

pub(super) async fn rotate(
    State(app): State<App>,
    caller: Caller,
    Path(id): IdPath,
    Body(spec): Body<RotationSpec>,
) -> Answer<CredentialIssued> {
    let id: CredentialId = parse_id(&id)?;
    let known = id.clone();
    let before = app
        .store
        .read(move |tx| tx.get::<Credential>(known.as_str()))
        .await?
        .ok_or_else(|| ApiError::not_found("credential", &id))?;
    if spec.grace > GRACE_LONGEST {
        let details = vec![format!("`grace` is {} (limit {GRACE_LONGEST})", spec.grace)];
        return Err(ApiError::invalid("the credential can not be rotated", details));
    }
    let (proxy, user) = configured(&app, &before.proxy, &before.user)?;
    let wanted = Wanted {
        proxy: before.proxy,
        environment: proxy.environment,
        user: before.user,
        principal: user.principal,
        lasts: spec
            .lasts
            .unwrap_or_else(|| before.lasts.min(user.credential_longest)),
        verifier: spec.verifier,
        born: Born::new()?,
    };
    wanted.check(user, &caller)?;
    let actor = caller.actor;
    let credential = app
        .store
        .write(move |tx| -> Result<Credential, ApiError> {
            let at = consents::clock_goes_forward(tx)?;
            let before = live_one(tx, &id, at)?;
            if let Some(next) = &before.replaced_by {
                return Err(ApiError::refused(format!("{id} was rotated already"))
                    .hint(format!("`safeguard credential rotate {next}`")));
            }
            wanted.issue(tx, at, Some((before, spec.grace)), actor)
        })
        .await??;
    Ok(Json(placed(credential, proxy)))
}

pub(super) async fn revoke(
    State(app): State<App>,
    caller: Caller,
    Path(id): IdPath,
) -> Answer<CredentialShown> {
    let id: CredentialId = parse_id(&id)?;
    let credential = app
        .store
        .write(move |tx| -> Result<Credential, ApiError> {
            let at = now();
            let mut credential = live_one(tx, &id, at)?;
            credential.revoked_at = Some(at);
            credential.revoked_by = Some(caller.actor.id.clone());
            tx.remove::<LiveCredential>(&live_key(&credential))?;
            tx.put(&credential)?;
            tx.append(&record::event(
                "credential.revoked",
                caller.actor,
                vec![credential.id.to_string()],
                about(&credential),
            ))?;
            Ok(credential)
        })
        .await??;
    Ok(Json(CredentialShown {
        state: CredentialState::Revoked,
        credential,
    }))
}

pub(super) async fn list(State(app): State<App>) -> Answer<Vec<CredentialShown>> {
    let credentials = app.store.read(|tx| tx.list::<Credential>(true, LIST_MAX)).await?;
    let at = now();
    let shown = credentials.into_iter().map(|credential| CredentialShown {
        state: credential.state(at),
        credential,
    });
    Ok(Json(shown.collect()))
}

#[derive(Deserialize)]
pub(super) struct OfProxy {
    proxy: Name,
}

pub(super) async fn live(
    State(app): State<App>,
    Query(OfProxy { proxy }): Query<OfProxy>,
) -> Answer<LiveCredentials> {
    let name = proxy.clone();
    let mut live = app.store.read(move |tx| held(tx, &name)).await?;
    let (at, known) = (now(), live.len());
    live.retain(|credential| at < credential.expires);
    if live.len() < known {
        app.store.write(move |tx| cleaned(tx, &proxy, at)).await??;
    }
    Ok(Json(LiveCredentials { at, live }))
}

fn configured<'a>(app: &'a App, name: &Name, user: &str) -> Result<(&'a Proxy, &'a ProxyUser), ApiError> {
    let not_found =
        |title: String, hint: String| ApiError(Problem::new(404, "not-found", title).with_hint(hint));
    let proxy = app.config.proxies.get(name).ok_or_else(|| {
        not_found(
            format!("there is no proxy `{name}`"),
            format!(
                "`[proxies.{name}]` of the server's configuration makes one; `elsewhere = true` where it runs on another machine"
            ),
        )
    })?;
    let found = proxy.users.get(user).ok_or_else(|| {
        not_found(
            format!("proxy `{name}` has no such user"),
            format!("`[proxies.{name}.users]` of the server's configuration has them"),
        )
    })?;
    Ok((proxy, found))
}

fn placed(credential: Credential, proxy: &Proxy) -> CredentialIssued {
    CredentialIssued {
        credential,
        address: proxy.listen,
        database: proxy.upstream.database.clone(),
        tls: proxy.tls.is_some(),
    }
}
