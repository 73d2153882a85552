//! `safeguard waiver …` and `safeguard breakglass …`: what two people may let through, for a time.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use safeguard_api::approval::Signable;
use safeguard_api::breakglass::{BreakglassSpec, ReviewSpec};
use safeguard_api::waiver::WaiverSpec;
use safeguard_api::{Breakglass, Span, Timestamp, Waiver};

use crate::api_client::ApiClient;
use crate::args::{BreakglassVerb, Globals, WaiverVerb};
use crate::failure::Failure;
use crate::output::{CARE, Output, table};
use crate::signing::{agreed, printable, sign};

pub fn now() -> Result<Timestamp, Failure> {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock is before 1970")?;
    Ok(Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
}

fn ends(longest: Span) -> Result<Timestamp, Failure> {
    Ok(now()?.plus(longest))
}

pub fn waiver(globals: &Globals, verb: WaiverVerb, output: &Output) -> Result<(), Failure> {
    let client = ApiClient::new(globals)?;
    match verb {
        WaiverVerb::Request {
            release,
            gate,
            findings,
            reason,
            holds,
        } => {
            let spec = WaiverSpec {
                release,
                gate,
                findings,
                reason,
                expires: ends(holds)?,
            };
            let waiver: Waiver = client.post("/api/v1/waivers", &spec)?;
            output.data(&waiver, |waiver| format!("{}\n", waiver.id))?;
            output.say(&format!(
                "Two approvers must sign it: `safeguard waiver sign {}`",
                waiver.id
            ));
            Ok(())
        }
        WaiverVerb::Sign { id, keys, yes } => {
            let waivers: Vec<Waiver> = client.get("/api/v1/waivers")?;
            let waiver = waivers.into_iter().find(|waiver| waiver.id == id);
            let waiver = waiver.ok_or_else(|| unknown("waiver", &id.to_string()))?;
            let statement = &waiver.statement;
            let which = if statement.findings.is_empty() {
                "the whole gate".to_owned()
            } else {
                statement.findings.join(", ")
            };
            output.say(&printable(&format!(
                "{CARE}waives{CARE:#} {} ({which})\n  of       {} {}\n  until    {}\n  because  {}\n  signed by {}",
                statement.gate,
                statement.service,
                statement.release,
                statement.expires,
                statement.reason,
                people(waiver.persons().into_iter())
            )));
            agreed("Waive it?", "waive", yes)?;
            let bytes = String::from_utf8(statement.bytes()).context("a statement is text")?;
            let signed: Waiver = client.post(&format!("/api/v1/waivers/{id}/sign"), &sign(&bytes, &keys)?)?;
            output.data(&signed, waiver_line)
        }
        WaiverVerb::Revoke { id } => {
            let waiver: Waiver = client.act(&format!("/api/v1/waivers/{id}/revoke"))?;
            output.data(&waiver, waiver_line)
        }
        WaiverVerb::List => {
            let waivers: Vec<Waiver> = client.get("/api/v1/waivers")?;
            let at = now()?;
            let row = |waiver: &Waiver| {
                vec![
                    waiver.id.to_string(),
                    waiver.statement.release.to_string(),
                    waiver.statement.gate.to_string(),
                    waiver.state(at).as_str().to_owned(),
                    waiver.statement.expires.to_string(),
                    people(waiver.persons().into_iter()),
                    printable(&waiver.statement.reason),
                ]
            };
            let head = [
                "WAIVER",
                "RELEASE",
                "GATE",
                "STATE",
                "UNTIL",
                "SIGNED BY",
                "REASON",
            ];
            output.data(&waivers, |waivers| {
                table(&head, &waivers.iter().map(row).collect::<Vec<_>>())
            })
        }
    }
}

/// One line for a release that has it.
pub fn waiver_of(waiver: &Waiver) -> String {
    let statement = &waiver.statement;
    let revoked = if waiver.revoked_at.is_some() {
        "revoked, "
    } else {
        ""
    };
    printable(&format!(
        "{} of {}: {revoked}signed by {}, until {}: {}",
        waiver.id,
        statement.gate,
        people(waiver.persons().into_iter()),
        statement.expires,
        statement.reason
    ))
}

fn waiver_line(waiver: &Waiver) -> String {
    let revoked = if waiver.revoked_at.is_some() {
        ", revoked"
    } else {
        ""
    };
    format!(
        "{} signed by {}{revoked}\n",
        waiver.id,
        people(waiver.persons().into_iter())
    )
}

pub fn breakglass(globals: &Globals, verb: BreakglassVerb, output: &Output) -> Result<(), Failure> {
    let client = ApiClient::new(globals)?;
    match verb {
        BreakglassVerb::Request {
            release,
            reason,
            holds,
        } => {
            let spec = BreakglassSpec {
                release,
                reason,
                expires: ends(holds)?,
            };
            let glass: Breakglass = client.post("/api/v1/breakglasses", &spec)?;
            output.data(&glass, |glass| format!("{}\n", glass.id))?;
            output.say(&format!(
                "Two approvers must sign it: `safeguard breakglass sign {}`",
                glass.id
            ));
            Ok(())
        }
        BreakglassVerb::Sign { id, keys, yes } => {
            let glasses: Vec<Breakglass> = client.get("/api/v1/breakglasses")?;
            let glass = glasses.into_iter().find(|glass| glass.id == id);
            let glass = glass.ok_or_else(|| unknown("breakglass", &id.to_string()))?;
            let statement = &glass.statement;
            output.say(&printable(&format!(
                "{CARE}lifts freezes{CARE:#} for {} {}\n  until    {}\n  because  {}\n  signed by {}",
                statement.service,
                statement.release,
                statement.expires,
                statement.reason,
                people(glass.persons().into_iter())
            )));
            agreed("Let it move through a freeze?", "open", yes)?;
            let bytes = String::from_utf8(statement.bytes()).context("a statement is text")?;
            let path = format!("/api/v1/breakglasses/{id}/sign");
            let signed: Breakglass = client.post(&path, &sign(&bytes, &keys)?)?;
            output.data(&signed, glass_line)
        }
        BreakglassVerb::Review { id, finding } => {
            let path = format!("/api/v1/breakglasses/{id}/review");
            let glass: Breakglass = client.post(&path, &ReviewSpec { finding })?;
            output.data(&glass, glass_line)
        }
        BreakglassVerb::List => {
            let glasses: Vec<Breakglass> = client.get("/api/v1/breakglasses")?;
            let row = |glass: &Breakglass| {
                vec![
                    glass.id.to_string(),
                    glass.statement.release.to_string(),
                    glass_state(glass),
                    glass.statement.expires.to_string(),
                    people(glass.persons().into_iter()),
                    printable(&glass.statement.reason),
                ]
            };
            let head = ["BREAK-GLASS", "RELEASE", "STATE", "UNTIL", "SIGNED BY", "REASON"];
            output.data(&glasses, |glasses| {
                table(&head, &glasses.iter().map(row).collect::<Vec<_>>())
            })
        }
    }
}

fn glass_state(glass: &Breakglass) -> String {
    match (glass.opened_at, &glass.review) {
        (None, _) => "requested".to_owned(),
        (Some(at), None) => format!("opened {at}, not reviewed"),
        (Some(_), Some(review)) => format!("reviewed by {}", printable(&review.by)),
    }
}

pub fn glass_line(glass: &Breakglass) -> String {
    format!(
        "{} {}, signed by {}\n",
        glass.id,
        glass_state(glass),
        people(glass.persons().into_iter())
    )
}

pub fn people<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(printable).collect();
    if names.is_empty() {
        "nobody yet".to_owned()
    } else {
        names.join(", ")
    }
}

fn unknown(what: &str, id: &str) -> Failure {
    Failure::refused(format!("there is no {what} `{id}`")).hint(format!("run `safeguard {what} list`"))
}
