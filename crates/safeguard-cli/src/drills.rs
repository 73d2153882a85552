//! `safeguard drill …`

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use safeguard_api::drill::{Drill, DrillState, DrillStatus, Fault, Writes};

use crate::api_client::ApiClient;
use crate::args::{DrillVerb, Globals};
use crate::failure::Failure;
use crate::output::{BAD, CARE, GOOD, Output, table};

const LOOK_EVERY: Duration = Duration::from_millis(250);

pub fn drill(globals: &Globals, verb: DrillVerb, output: &Output) -> Result<(), Failure> {
    let client = ApiClient::new(globals)?;
    match verb {
        DrillVerb::Run { release } => {
            let path = format!("/api/v1/releases/{release}/drill");
            let begun: DrillStatus = client.act(&path)?;
            let status = follow(&client, &path, begun, output)?;
            output.data(&status, shown)?;
            verdict(&status)
        }
        DrillVerb::Show { release } => {
            let status: DrillStatus = client.get(&format!("/api/v1/releases/{release}/drill"))?;
            output.data(&status, shown)
        }
    }
}

/// Tells each step until the drill is over. The server bounds how long that can be.
fn follow(
    client: &ApiClient,
    path: &str,
    mut status: DrillStatus,
    output: &Output,
) -> Result<DrillStatus, Failure> {
    let quiet = output.json || !std::io::stderr().is_terminal();
    let bar = if quiet {
        ProgressBar::hidden()
    } else {
        ProgressBar::new_spinner()
    };
    let style = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}");
    bar.set_style(style.context("the progress bar's template")?);
    let mut told = String::new();
    loop {
        let step = match &status.state {
            DrillState::Waiting => "waits for another drill to end".to_owned(),
            DrillState::Running { step, .. } => step.text.clone(),
            DrillState::NotHeld | DrillState::Held { .. } | DrillState::Undecided { .. } => {
                bar.finish_and_clear();
                return Ok(status);
            }
        };
        bar.set_message(step.clone());
        bar.tick();
        if step != told {
            bar.suspend(|| output.say(&step));
            told = step;
        }
        std::thread::sleep(LOOK_EVERY);
        status = client.get(path)?;
    }
}

/// Only a certificate allows.
fn verdict(status: &DrillStatus) -> Result<(), Failure> {
    match &status.state {
        DrillState::Held {
            refusals, missing, ..
        } if refusals.is_empty() && missing.is_empty() => Ok(()),
        DrillState::Held { refusals, .. } if !refusals.is_empty() => Err(Failure::Told),
        DrillState::Held { missing, .. } => {
            Err(Failure::undecided("the drill could not show everything").details(missing.clone()))
        }
        DrillState::Undecided { why, .. } => {
            Err(Failure::undecided("the drill could not be held").details(vec![why.clone()]))
        }
        DrillState::NotHeld | DrillState::Waiting | DrillState::Running { .. } => {
            Err(Failure::undecided("the drill is not over").hint("run `safeguard drill show` later"))
        }
    }
}

fn shown(status: &DrillStatus) -> String {
    match &status.state {
        DrillState::NotHeld => format!(
            "no drill was held of {} with the present live release and configuration\n",
            status.release
        ),
        DrillState::Waiting => "waits for another drill to end\n".to_owned(),
        DrillState::Running { since, step } => {
            let faults = faults(&step.faults);
            format!("{faults}under way since {since}: {}\n", step.text)
        }
        DrillState::Undecided {
            why,
            attempts,
            again_at,
            ..
        } => {
            let again = match again_at {
                Some(at) => format!("tried again at {at}"),
                None => format!(
                    "not tried again by itself; `safeguard drill run {}` does",
                    status.release
                ),
            };
            format!("{CARE}could not be held{CARE:#} ({attempts} attempts): {why}\n{again}\n")
        }
        DrillState::Held {
            drill,
            refusals,
            missing,
            evidence,
        } => {
            let mut text = faults(&drill.faults);
            text.push_str(&figures(drill));
            for refusal in refusals {
                text.push_str(&format!("{BAD}refused{BAD:#}: {refusal}\n"));
            }
            for missing in missing {
                text.push_str(&format!("{CARE}missing{CARE:#}: {missing}\n"));
            }
            if refusals.is_empty() && missing.is_empty() {
                text.push_str(&format!(
                    "{GOOD}certificate{GOOD:#} for {} until artifact, live release or configuration change\n",
                    drill.candidate.short()
                ));
            }
            text.push_str(&format!("evidence {evidence}\n"));
            text
        }
    }
}

fn faults(faults: &[Fault]) -> String {
    if faults.is_empty() {
        return String::new();
    }
    let row = |fault: &Fault| {
        let noticed = match (&fault.failure, &fault.noticed) {
            (Some(_), _) => "failed".to_owned(),
            (None, Some(cause)) => cause.kind().to_owned(),
            (None, None) => "ordered: nothing is live".to_owned(),
        };
        vec![
            fault.name.to_string(),
            fault.detect.to_string(),
            fault.flip.to_string(),
            fault.drain.to_string(),
            fault.verify.to_string(),
            fault.total().to_string(),
            fault.killed_requests.to_string(),
            fault.lost_requests.to_string(),
            noticed,
        ]
    };
    let head = [
        "FAULT",
        "DETECT",
        "FLIP",
        "DRAIN",
        "VERIFY",
        "TOTAL",
        "KILLED",
        "LOST",
        "NOTICED BY",
    ];
    table(&head, &faults.iter().map(row).collect::<Vec<_>>())
}

fn figures(drill: &Drill) -> String {
    let writes = match drill.writes {
        Writes::NotTried => "writes were not tried".to_owned(),
        Writes::KeepsNothing => "the service keeps nothing".to_owned(),
        Writes::Tried {
            acknowledged,
            lost,
            unread,
        } => format!("{acknowledged} writes acknowledged, {lost} lost, {unread} unread"),
    };
    format!(
        "{} requests, {} at once, {} failed, {} lost; {writes}; took {}\n",
        drill.requests, drill.concurrent_requests, drill.failed_requests, drill.lost_requests, drill.took
    )
}
