//! `safeguard gate …`

use safeguard_api::documentation::Documentation;
use safeguard_api::gate::Figure;
use safeguard_api::pyramid::Pyramid;
use safeguard_api::risk::Risk;
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
    risk: Risk,
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
        let style = style(said.verdict);
        let (gate, verdict, reason) = (said.gate, said.verdict, &said.reason);
        text.push_str(&format!("\n{gate:<20} {style}{verdict}{style:#}: {reason}\n"));
        for figure in &said.figures {
            text.push_str(&figure_text(figure));
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
    if let Some(layers) = &explained.report.layers {
        text.push_str(&layers_text(layers));
    }
    if let Some(documentation) = &explained.report.documentation {
        text.push_str(&documentation_text(documentation));
    }
    text.push_str(&risk_text(&explained.risk));
    text
}

/// The worst cells, and the factors that say something.
fn risk_text(risk: &Risk) -> String {
    let asked = &risk.measures;
    let mut text = format!(
        "\n{:<20} {}: {} % of each soak, {} approvals more, {} steps in the canary\n",
        "risk",
        risk.level,
        asked.soak_percent,
        asked.approvals_more,
        asked.canary_steps.len()
    );
    for cell in risk.cells.iter().filter(|cell| cell.level == risk.level) {
        text.push_str(&format!(
            "      {}: likelihood {} of 5, impact {} of 5\n",
            cell.kind, cell.likelihood, cell.impact
        ));
    }
    for factor in risk.factors.iter().filter(|factor| 0 < factor.strength_permille) {
        text.push_str(&format!(
            "      {} {:.1}: {}\n",
            factor.kind,
            f64::from(factor.strength_permille) / 1000.0,
            factor.because
        ));
    }
    text
}

fn layers_text(pyramid: &Pyramid) -> String {
    let style = style(pyramid.verdict);
    let (verdict, reason) = (pyramid.verdict, &pyramid.reason);
    let mut text = format!(
        "\n{:<20} {style}{verdict}{style:#}: {reason}\n",
        "layers of tests"
    );
    for layer in &pyramid.layers {
        let mark = match (layer.required, layer.shown) {
            (_, true) => "ok",
            (true, false) => "NO",
            (false, false) => "  ",
        };
        text.push_str(&format!(
            "  {mark}  {:<12} {:>7} executed, {} failed, {:>3.0} % of all (aim {} %)\n",
            layer.layer, layer.executed, layer.failed, layer.share_percent, layer.target_percent
        ));
    }
    for figure in &pyramid.figures {
        text.push_str(&figure_text(figure));
    }
    for missing in &pyramid.missing {
        text.push_str(&format!("  ->  {missing}\n"));
    }
    text
}

fn documentation_text(documentation: &Documentation) -> String {
    let style = style(documentation.verdict);
    let (verdict, reason) = (documentation.verdict, &documentation.reason);
    let mut text = format!("\n{:<20} {style}{verdict}{style:#}: {reason}\n", "documentation");
    for part in &documentation.parts {
        let mark = if part.complete { "ok" } else { "NO" };
        let of = part
            .change
            .as_ref()
            .map_or(String::new(), |change| format!(" of {change}"));
        text.push_str(&format!("  {mark}  {}{of}: {}\n", part.topic, part.why));
    }
    text
}

fn figure_text(figure: &Figure) -> String {
    let mark = if figure.met { "ok" } else { "NO" };
    format!(
        "  {mark}  {}: {} (limit {})\n",
        figure.name, figure.value, figure.limit
    )
}

fn style(verdict: Verdict) -> anstyle::Style {
    match verdict {
        Verdict::Pass => GOOD,
        Verdict::Fail => BAD,
        Verdict::Inconclusive => CARE,
    }
}
