//! `safeguard policy …`

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use safeguard_api::PolicyChange;
use safeguard_api::approval::Signable;
use safeguard_api::config::Policy;
use safeguard_api::policy_change::PolicyChangeSpec;
use safeguard_api::status::PolicyStatus;
use serde_json::Value;

use crate::api_client::ApiClient;
use crate::args::{Globals, PolicyVerb};
use crate::config_file;
use crate::exceptions::people;
use crate::failure::Failure;
use crate::output::{BAD, CARE, GOOD, Output, table};
use crate::signing::{agreed, printable, sign};

const CHANGES: &str = "/api/v1/policy/changes";

pub fn policy(globals: &Globals, verb: PolicyVerb, output: &Output) -> Result<(), Failure> {
    let client = ApiClient::new(globals)?;
    match verb {
        PolicyVerb::Show => show(&in_force(&client)?, output),
        PolicyVerb::Apply { reason } => {
            let (config, _) = config_file::load(&globals.config, output)?;
            let persons = in_force(&client)?.persons_to_change;
            match reason {
                Some(reason) if 0 < persons => propose(&client, config.policy(), reason, persons, output),
                // Without a reason the server refuses, and says what to type.
                Some(_) | None => {
                    let status: PolicyStatus = client.post("/api/v1/policy", &config.policy())?;
                    output.say(
                        "Releases that enter from now on are judged by it; the ones on their way by theirs.",
                    );
                    show(&status, output)
                }
            }
        }
        PolicyVerb::Changes => {
            let changes: Vec<PolicyChange> = client.get(CHANGES)?;
            let head = ["POLICY CHANGE", "STATE", "UNTIL", "SIGNED BY", "REASON"];
            output.data(&changes, |changes| {
                table(&head, &changes.iter().map(row).collect::<Vec<_>>())
            })
        }
        PolicyVerb::Sign { id, keys, yes } => {
            let changes: Vec<PolicyChange> = client.get(CHANGES)?;
            let change = changes.into_iter().find(|change| change.id == id);
            let change = change.ok_or_else(|| {
                Failure::refused(format!("there is no change of the policy `{id}`"))
                    .hint("run `safeguard policy changes`")
            })?;
            let statement = &change.statement;
            let before = in_force(&client)?;
            output.say(&format!(
                "{CARE}changes the policy{CARE:#}\n{}  until    {}\n  because  {}\n  signed by {}",
                difference(&before.policy, &change.policy)?,
                statement.expires,
                printable(&statement.reason),
                people(change.persons().into_iter())
            ));
            agreed("Put it in force?", "change", yes)?;
            let bytes = String::from_utf8(statement.bytes()).context("a statement is text")?;
            let signed: PolicyChange = client.post(&format!("{CHANGES}/{id}/sign"), &sign(&bytes, &keys)?)?;
            output.data(&signed, |change| format!("{} {}\n", change.id, state(change)))
        }
    }
}

fn in_force(client: &ApiClient) -> Result<PolicyStatus, Failure> {
    client.get("/api/v1/policy")
}

fn propose(
    client: &ApiClient,
    policy: Policy,
    reason: String,
    persons: u32,
    output: &Output,
) -> Result<(), Failure> {
    let change: PolicyChange = client.post(CHANGES, &PolicyChangeSpec { policy, reason })?;
    output.data(&change, |change| format!("{}\n", change.id))?;
    output.say(&format!(
        "It is not in force yet: {persons} approvers of the policy in force must sign it: `safeguard policy sign {}`",
        change.id
    ));
    Ok(())
}

fn row(change: &PolicyChange) -> Vec<String> {
    vec![
        change.id.to_string(),
        state(change),
        change.statement.expires.to_string(),
        people(change.persons().into_iter()),
        printable(&change.statement.reason),
    ]
}

fn state(change: &PolicyChange) -> String {
    match change.applied_at {
        Some(at) => format!("in force since {at}"),
        None => "not in force".to_owned(),
    }
}

/// What differs, a line each: `stages.staging.soak  48h -> 1h`.
fn difference(before: &Policy, after: &Policy) -> Result<String, Failure> {
    let flat = |policy: &Policy| -> Result<BTreeMap<String, String>, Failure> {
        let mut flat = BTreeMap::new();
        flatten(
            "",
            &serde_json::to_value(policy).context("cannot write JSON")?,
            &mut flat,
        );
        Ok(flat)
    };
    let (before, after) = (flat(before)?, flat(after)?);
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut text = String::new();
    for key in keys {
        let (old, new) = (before.get(key), after.get(key));
        if old != new {
            let told = |value: Option<&String>| printable(value.map_or("nothing", String::as_str));
            text.push_str(&format!(
                "  {}  {BAD}{}{BAD:#} -> {GOOD}{}{GOOD:#}\n",
                printable(key),
                told(old),
                told(new)
            ));
        }
    }
    Ok(text)
}

fn flatten(path: &str, value: &Value, flat: &mut BTreeMap<String, String>) {
    let under = |key: &str| match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    };
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                flatten(&under(key), member, flat);
            }
        }
        // People are told apart by name, other tables of a list by place; a list of words is one value.
        Value::Array(items) if items.iter().all(Value::is_object) => {
            for (place, item) in items.iter().enumerate() {
                let name = item["person"].as_str().map(str::to_owned);
                flatten(
                    &under(&name.unwrap_or_else(|| (place + 1).to_string())),
                    item,
                    flat,
                );
            }
        }
        Value::String(text) => drop(flat.insert(path.to_owned(), text.clone())),
        other => drop(flat.insert(path.to_owned(), other.to_string())),
    }
}

fn show(status: &PolicyStatus, output: &Output) -> Result<(), Failure> {
    if output.json {
        return output.json_text(status);
    }
    let mut text = format!(
        "# {}\n# applied {} by {}\n",
        status.id, status.applied_at, status.applied_by
    );
    if 0 < status.persons_to_change {
        text.push_str(&format!(
            "# {} of its approvers must sign before another takes its place\n",
            status.persons_to_change
        ));
    }
    if !status.older.is_empty() {
        let older: Vec<&str> = status.older.iter().map(|release| release.as_str()).collect();
        text.push_str(&format!("# still judged by an older one: {}\n", older.join(", ")));
    }
    let policy = toml::to_string(&status.policy).map_err(anyhow::Error::from)?;
    output.text(&format!("{text}{policy}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: &str = r#"[services.shop]
command = ["shop"]
listen = { dev = "127.0.0.1:0", qa = "127.0.0.1:0", staging = "127.0.0.1:0", production = "127.0.0.1:0" }
"#;

    #[test]
    fn what_differs_is_told_key_by_key() {
        let policy = |text: &str| {
            safeguard_api::Config::parse(&format!("mode = \"observe\"\n{SERVICE}{text}"))
                .unwrap()
                .policy()
        };
        let before = policy("[[approvers]]\nperson = \"Kim Doe\"\nemails = [\"kim@example.org\"]\n");
        let after = policy("[stages.staging]\nsoak = \"1h\"\ngates = [\"data-integrity\"]\n");
        let told = anstream::adapter::strip_str(&difference(&before, &after).unwrap()).to_string();
        insta::assert_snapshot!(told, @r#"
          approvers.Kim Doe.emails  ["kim@example.org"] -> nothing
          approvers.Kim Doe.person  Kim Doe -> nothing
          stages.staging.gates  ["static-analysis","security-scan","performance-baseline","data-integrity","resource-limits","rollback-test","human-approval"] -> ["data-integrity"]
          stages.staging.soak  48h -> 1h
        "#);
    }
}
