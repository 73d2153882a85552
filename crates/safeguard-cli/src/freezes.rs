//! `safeguard freeze …`

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;
use safeguard_api::freeze::{FreezeCheck, FreezeSpec};
use safeguard_api::{Freeze, FreezeId, Name, Timestamp};
use serde::Serialize;

use crate::api_client::ApiClient;
use crate::args::Globals;
use crate::failure::Failure;
use crate::output::{CARE, GOOD, Output, table};

#[derive(Debug, Subcommand)]
pub enum FreezeVerb {
    /// Open a freeze
    #[command(after_help = "Example:
  safeguard freeze open --reason \"year-end closing\" --until 2027-01-02T08:00:00Z")]
    Open {
        #[arg(long)]
        reason: String,
        /// Only this service; unsaid: all
        #[arg(long)]
        service: Option<Name>,
        /// When it ends by itself; unsaid: when somebody closes it
        #[arg(long, value_name = "TIME")]
        until: Option<Timestamp>,
    },
    /// Close a freeze
    Close { id: FreezeId },
    /// List freezes, the open ones first, and say of each service when releases may move
    List,
    /// Say whether releases may move at a moment, and why
    #[command(after_help = "Exit 0 when they may, 1 when not.

Example:
  safeguard freeze check --service shop --at 2026-12-24T18:00:00Z")]
    Check {
        /// Unsaid: now
        #[arg(long, value_name = "TIME")]
        at: Option<Timestamp>,
        /// Unsaid: all
        #[arg(long)]
        service: Option<Name>,
    },
    /// Write freezes and calendars for other programs
    #[command(
        after_help = "Calendar programs can subscribe to /api/v1/freezes.ics instead, with any user's name and
a token of scope read as the password."
    )]
    Export {
        /// As iCalendar (RFC 5545)
        #[arg(long, required = true)]
        ics: bool,
        /// Unsaid: stdout
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

pub fn freeze(globals: &Globals, verb: FreezeVerb, output: &Output) -> Result<(), Failure> {
    let client = ApiClient::new(globals)?;
    match verb {
        FreezeVerb::Open {
            reason,
            service,
            until,
        } => {
            let spec = FreezeSpec {
                service,
                reason,
                until,
            };
            let freeze: Freeze = client.post("/api/v1/freezes", &spec)?;
            output.data(&freeze, |freeze| format!("{}\n", freeze.id))?;
            output.say("Nothing moves towards production; rolling back is allowed as ever.");
            Ok(())
        }
        FreezeVerb::Close { id } => {
            let freeze: Freeze = client.act(&format!("/api/v1/freezes/{id}/close"))?;
            output.data(&freeze, |freeze| format!("{} closed\n", freeze.id))
        }
        FreezeVerb::List => {
            let list = List {
                freezes: client.get("/api/v1/freezes")?,
                services: client.get("/api/v1/freezes/check")?,
            };
            output.data(&list, |list| {
                format!("{}\n{}", listed(&list.freezes), openings(&list.services))
            })
        }
        FreezeVerb::Check { at, service } => check(&client, at, service, output),
        FreezeVerb::Export { ics: _, out } => export(&client, out.as_deref(), output),
    }
}

#[derive(Serialize)]
struct List {
    freezes: Vec<Freeze>,
    services: Vec<FreezeCheck>,
}

fn check(
    client: &ApiClient,
    at: Option<Timestamp>,
    service: Option<Name>,
    output: &Output,
) -> Result<(), Failure> {
    let at = at.map(|at| format!("at={at}"));
    let service = service.map(|service| format!("service={service}"));
    let asked: Vec<String> = at.into_iter().chain(service).collect();
    let checks: Vec<FreezeCheck> = client.get(&format!("/api/v1/freezes/check?{}", asked.join("&")))?;
    output.data(&checks, |checks| checks.iter().map(explained).collect())?;
    if checks.iter().all(|check| check.open) {
        Ok(())
    } else {
        Err(Failure::Told)
    }
}

fn export(client: &ApiClient, out: Option<&Path>, output: &Output) -> Result<(), Failure> {
    let text = client.get_text("/api/v1/freezes.ics")?;
    match out {
        Some(out) => {
            std::fs::write(out, text).with_context(|| format!("cannot write `{}`", out.display()))?;
            Ok(())
        }
        None => output.text(&text),
    }
}

fn listed(freezes: &[Freeze]) -> String {
    let row = |freeze: &Freeze| {
        let state = match (freeze.closed_at, freeze.until) {
            (Some(at), _) => format!("closed {at}"),
            (None, Some(until)) => format!("until {until}"),
            (None, None) => "open".to_owned(),
        };
        let service = freeze
            .service
            .as_ref()
            .map_or("all".to_owned(), ToString::to_string);
        vec![
            freeze.id.to_string(),
            service,
            state,
            freeze.opened_by.clone(),
            freeze.reason.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = freezes.iter().map(row).collect();
    table(&["FREEZE", "SERVICE", "STATE", "BY", "REASON"], &rows)
}

fn openings(checks: &[FreezeCheck]) -> String {
    let row = |check: &FreezeCheck| {
        let why = check.block().map_or("-".to_owned(), |block| block.to_string());
        vec![
            check.service.to_string(),
            if check.open { "may move" } else { "may not move" }.to_owned(),
            next(check),
            why,
        ]
    };
    let rows: Vec<Vec<String>> = checks.iter().map(row).collect();
    table(&["SERVICE", "RELEASES", "NEXT CHANGE", "WHY"], &rows)
}

/// The next opening, or closing.
pub fn next(check: &FreezeCheck) -> String {
    match (check.open, check.opens_at, check.closes_at) {
        (true, _, Some(closes)) => format!("closes {closes}"),
        (true, _, None) => "none is known".to_owned(),
        (false, Some(opens), _) => format!("opens {opens}"),
        (false, None, _) => "no opening is known".to_owned(),
    }
}

fn explained(check: &FreezeCheck) -> String {
    let (style, may) = if check.open {
        (GOOD, "may move")
    } else {
        (CARE, "may not move")
    };
    let mut text = format!(
        "{}: releases {style}{may}{style:#} at {}; {}\n",
        check.service,
        check.at,
        next(check)
    );
    for freeze in &check.freezes {
        text.push_str(&format!(
            "  freeze {} by {}: {}\n",
            freeze.id, freeze.opened_by, freeze.reason
        ));
    }
    for calendar in &check.calendars {
        text.push_str(&format!("  calendar {}: {}\n", calendar.calendar, calendar.says));
    }
    text
}
