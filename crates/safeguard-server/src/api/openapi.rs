//! The API's own description, made from the table of operations.

use std::collections::BTreeMap;

use axum::Json;
use safeguard_api::operation::{Method, OPERATIONS, Scope};
use serde_json::{Value, json};

pub(super) async fn openapi() -> Json<Value> {
    Json(describe())
}

/// OpenAPI 3.1: addresses, scopes and the schemas of what goes in and comes out.
fn describe() -> Value {
    let mut generator = schemars::SchemaGenerator::new(
        schemars::generate::SchemaSettings::draft2020_12()
            .with(|settings| settings.definitions_path = "/components/schemas".into()),
    );
    let mut paths: BTreeMap<String, Value> = BTreeMap::new();
    for operation in OPERATIONS {
        let path = operation.path.replace("{*", "{");
        let method = match operation.method {
            Method::Get => "get",
            Method::Post => "post",
            Method::Put => "put",
        };
        let parameters: Vec<Value> = path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
            .collect();
        let mut described = json!({
            "operationId": operation.id,
            "summary": operation.summary,
            "parameters": parameters,
            "responses": {
                "200": { "description": "done", "content": answer(operation.id, &mut generator) },
                "default": {
                    "description": "refused, or not possible",
                    "content": { "application/problem+json": { "schema": generator.subschema_for::<safeguard_api::Problem>() } }
                }
            },
            "x-scope": operation.scope,
        });
        if let Some(schema) = question(operation.id, &mut generator) {
            described["requestBody"] =
                json!({ "required": true, "content": { "application/json": { "schema": schema } } });
        }
        if operation.scope > Scope::Public {
            described["security"] = json!([{ "token": [] }]);
        }
        paths.entry(path).or_insert_with(|| json!({}))[method] = described;
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": "safeguard", "version": env!("CARGO_PKG_VERSION") },
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } }
        }
    })
}

fn question(id: &str, generator: &mut schemars::SchemaGenerator) -> Option<schemars::Schema> {
    use safeguard_api::credential;
    match id {
        "bisect.start" => Some(generator.subschema_for::<safeguard_api::bisect::BisectSpec>()),
        "bisect.unbuilt" => Some(generator.subschema_for::<safeguard_api::bisect::NotBuilt>()),
        "change.add" => Some(generator.subschema_for::<safeguard_api::ChangeSpec>()),
        "change.attest" => Some(generator.subschema_for::<safeguard_api::checklist::AttestationSpec>()),
        "credential.issue" => Some(generator.subschema_for::<credential::CredentialSpec>()),
        "credential.rotate" => Some(generator.subschema_for::<credential::RotationSpec>()),
        "freeze.open" => Some(generator.subschema_for::<safeguard_api::freeze::FreezeSpec>()),
        "policy.apply" => Some(generator.subschema_for::<safeguard_api::config::Policy>()),
        "policy.propose" => Some(generator.subschema_for::<safeguard_api::policy_change::PolicyChangeSpec>()),
        "release.create" => Some(generator.subschema_for::<safeguard_api::release::ReleaseSpec>()),
        "token.create" => Some(generator.subschema_for::<safeguard_api::status::TokenSpec>()),
        _ => None,
    }
}

fn answer(id: &str, generator: &mut schemars::SchemaGenerator) -> Value {
    use safeguard_api::{audit, credential, status};
    let schema = match id {
        "audit.entries" => generator.subschema_for::<Vec<audit::Entry>>(),
        "audit.prove" => generator.subschema_for::<audit::EntryProof>(),
        "bisect.show" | "bisect.start" | "bisect.try" | "bisect.unbuilt" => {
            generator.subschema_for::<safeguard_api::bisect::BisectStatus>()
        }
        "change.add" | "change.show" => generator.subschema_for::<safeguard_api::Change>(),
        "change.attest" => generator.subschema_for::<safeguard_api::Attestation>(),
        "change.list" => generator.subschema_for::<Vec<safeguard_api::Change>>(),
        "credential.issue" | "credential.rotate" => generator.subschema_for::<credential::CredentialIssued>(),
        "credential.list" => generator.subschema_for::<Vec<credential::CredentialShown>>(),
        "credential.live" => generator.subschema_for::<credential::LiveCredentials>(),
        "credential.revoke" => generator.subschema_for::<credential::CredentialShown>(),
        "freeze.open" | "freeze.close" => generator.subschema_for::<safeguard_api::Freeze>(),
        "freeze.check" => generator.subschema_for::<Vec<safeguard_api::freeze::FreezeCheck>>(),
        "freeze.list" => generator.subschema_for::<Vec<safeguard_api::Freeze>>(),
        "policy.apply" | "policy.show" => generator.subschema_for::<status::PolicyStatus>(),
        "policy.changes" => generator.subschema_for::<Vec<safeguard_api::PolicyChange>>(),
        "policy.propose" | "policy.sign" => generator.subschema_for::<safeguard_api::PolicyChange>(),
        "release.list" => generator.subschema_for::<Vec<safeguard_api::Release>>(),
        "release.clear" | "release.create" | "release.hold" | "release.promote" | "release.rollback"
        | "release.show" => generator.subschema_for::<status::ReleaseStatus>(),
        "status" => generator.subschema_for::<status::Status>(),
        "token.create" => generator.subschema_for::<status::TokenCreated>(),
        "token.list" => generator.subschema_for::<Vec<status::Token>>(),
        "token.revoke" => generator.subschema_for::<status::Token>(),
        "audit.export" => return json!({ "application/x-tar": {} }),
        "freeze.ics" => return json!({ "text/calendar": {} }),
        "tlog.checkpoint" | "health" => return json!({ "text/plain": {} }),
        "tlog.entries" | "tlog.tile" => return json!({ "application/octet-stream": {} }),
        _ => return json!({ "application/json": {} }),
    };
    json!({ "application/json": { "schema": schema } })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn describes_every_operation() {
        let text = describe().to_string();
        for operation in OPERATIONS {
            assert!(
                text.contains(&format!("\"operationId\":\"{}\"", operation.id)),
                "{}",
                operation.id
            );
        }
    }
}
