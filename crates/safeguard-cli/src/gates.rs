//! `safeguard gate …`

use safeguard_api::{GateReport, ReleaseId, Stage, Timestamp, Verdict};
use serde::{Deserialize, Serialize};

use crate::api_client::ApiClient;
use crate::args::{GateVerb, Globals};
use crate::failure::Failure;
use crate::output::{BAD, CARE, GOOD, Output};

/// As the server answers it.
#[derive(Debug, Serialize, Deserialize)]
struct Explained {
    release: ReleaseId,
    stage: Stage,
    #[serde(flatten)]
    report: GateReport,
    at: Timestamp,
    entry: u64,
}

pub fn gate(globals: &Globals, verb: GateVerb, output: &Output) -> Result<(), Failure> {
    match verb {
        GateVerb::Explain { id } => {
            let explained: Explained =
                ApiClient::new(globals)?.get(&format!("/api/v1/releases/{id}/gates"))?;
            output.data(&explained, text)?;
            match explained.report.refused_by() {
                None => Ok(()),
                Some(_) => Err(Failure::Told),
            }
        }
    }
}

fn text(explained: &Explained) -> String {
    let mut text = format!(
        "What leaving {} asks of {}, as of {} (log entry {}):\n",
        explained.stage, explained.release, explained.at, explained.entry
    );
    for said in &explained.report.verdicts {
        let style = match said.verdict {
            Verdict::Pass => GOOD,
            Verdict::Fail => BAD,
            Verdict::Inconclusive => CARE,
        };
        let (gate, verdict, reason) = (said.gate, said.verdict, &said.reason);
        text.push_str(&format!("\n{gate:<20} {style}{verdict}{style:#}: {reason}\n"));
        for figure in &said.figures {
            let mark = if figure.met { "ok" } else { "NO" };
            text.push_str(&format!(
                "  {mark}  {}: {} (limit {})\n",
                figure.name, figure.value, figure.limit
            ));
        }
        for missing in &said.missing {
            text.push_str(&format!("  ->  {missing}\n"));
        }
        if !said.evidence.is_empty() {
            let evidence: Vec<&str> = said.evidence.iter().map(|id| id.as_str()).collect();
            text.push_str(&format!("      seen: {}\n", evidence.join(", ")));
        }
        for waiver in &said.waivers {
            text.push_str(&format!("      {CARE}waived{CARE:#} by {waiver}\n"));
        }
    }
    text
}
