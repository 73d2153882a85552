//! Tokens: who may call, and what they may do.

use axum::Json;
use axum::extract::{Path, State};
use safeguard_api::TokenId;
use safeguard_api::change::TEXT_BYTES_MAX;
use safeguard_api::operation::Scope;
use safeguard_api::status::{Token, TokenCreated, TokenSpec};
use safeguard_store::{StoreError, TokenRecord};

use super::{Answer, ApiError, Body, IdPath, parse_id};
use crate::App;
use crate::auth::{Caller, TOKENS_MAX, new_token};
use crate::record::{self, now};

pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(spec): Body<TokenSpec>,
) -> Answer<TokenCreated> {
    if spec.name.trim().is_empty() || spec.name.len() > TEXT_BYTES_MAX || spec.scope == Scope::Public {
        let details = vec![format!(
            "`name` has 1 to {TEXT_BYTES_MAX} bytes; `scope` is read, propose, operate or admin"
        )];
        return Err(ApiError::invalid("the token can not be made", details));
    }
    let (record, secret) = new_token(&spec.name, spec.scope)?;
    let token = record.token.clone();
    let event = record::event(
        "credential.created",
        caller.actor,
        vec![token.id.to_string()],
        serde_json::json!({ "name": token.name, "scope": token.scope }),
    );
    let full = app
        .store
        .write(move |tx| -> Result<bool, StoreError> {
            if tx.list::<TokenRecord>(true, TOKENS_MAX)?.len() >= TOKENS_MAX {
                return Ok(true);
            }
            tx.put(&record)?;
            tx.append(&event)?;
            Ok(false)
        })
        .await??;
    if full {
        return Err(ApiError::refused(format!(
            "there are {TOKENS_MAX} tokens (limit {TOKENS_MAX})"
        )));
    }
    Ok(Json(TokenCreated { token, secret }))
}

pub(super) async fn list(State(app): State<App>) -> Answer<Vec<Token>> {
    let records = app
        .store
        .read(|tx| tx.list::<TokenRecord>(true, TOKENS_MAX))
        .await?;
    Ok(Json(records.into_iter().map(|record| record.token).collect()))
}

pub(super) async fn revoke(State(app): State<App>, caller: Caller, Path(id): IdPath) -> Answer<Token> {
    let id: TokenId = parse_id(&id)?;
    let wanted = id.clone();
    let event = record::event(
        "credential.revoked",
        caller.actor,
        vec![id.to_string()],
        serde_json::Value::Null,
    );
    let revoked = app
        .store
        .write(move |tx| -> Result<Option<Token>, StoreError> {
            let Some(mut record) = tx.get::<TokenRecord>(wanted.as_str())? else {
                return Ok(None);
            };
            record.token.revoked_at.get_or_insert(now());
            tx.put(&record)?;
            tx.append(&event)?;
            Ok(Some(record.token))
        })
        .await??;
    revoked.map(Json).ok_or_else(|| ApiError::not_found("token", id))
}
