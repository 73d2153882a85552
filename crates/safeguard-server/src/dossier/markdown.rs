//! The dossier as Markdown.

use std::fmt::Write as _;

use safeguard_api::checklist::BoxState;
use safeguard_api::evidence::{Evidence, Facts, Layer};
use safeguard_api::{DocumentKind, GateVerdict};

use super::{Dossier, stands};

/// Writing into a text can not fail.
macro_rules! line {
    ($text:expr, $($part:tt)*) => {
        if writeln!($text, $($part)*).is_err() {
            return;
        }
    };
}

pub(crate) fn text(dossier: &Dossier) -> String {
    let mut text = String::new();
    head(dossier, &mut text);
    document(dossier, DocumentKind::Intent, "Intent", &mut text);
    checklist(dossier, &mut text);
    risk(dossier, &mut text);
    document(
        dossier,
        DocumentKind::Risk,
        "Risk, as its author sees it",
        &mut text,
    );
    tests(dossier, &mut text);
    gates(dossier, &mut text);
    evidence(dossier, &mut text);
    walk(dossier, &mut text);
    recovery(dossier, &mut text);
    document(dossier, DocumentKind::Prompts, "Prompts", &mut text);
    diff(dossier, &mut text);
    proofs(dossier, &mut text);
    text
}

fn head(dossier: &Dossier, text: &mut String) {
    let spec = &dossier.change.spec;
    let dash = || "–".to_owned();
    let tool = spec.ai_tool.as_ref().map_or_else(dash, |tool| {
        spec.ai_tool_version
            .as_ref()
            .map_or_else(|| tool.clone(), |version| format!("{tool} {version}"))
    });
    line!(text, "# {}\n", plain(&spec.title));
    line!(text, "| | |\n|---|---|");
    for (name, value) in [
        (
            "change",
            format!("`{}`, recorded {}", dossier.change.id, dossier.change.recorded_at),
        ),
        ("service", format!("`{}`", spec.service)),
        ("commits", format!("`{}` → `{}`", spec.base, spec.head)),
        ("author", plain(&spec.author)),
        (
            "co-authors",
            if spec.co_authors.is_empty() {
                dash()
            } else {
                plain(&spec.co_authors.join(", "))
            },
        ),
        ("prompter", spec.prompter.as_deref().map_or_else(dash, plain)),
        ("AI tool", plain(&tool)),
    ] {
        line!(text, "| {name} | {value} |");
    }
    if let Some(shown) = &dossier.release {
        let (version, id) = (plain(&shown.release.version), &shown.release.id);
        line!(
            text,
            "| release | {version} (`{id}`), artifact `{}` |",
            shown.release.artifact
        );
        line!(text, "| stands | {} |", plain(&stands(&shown.rollout)));
    }
}

fn document(dossier: &Dossier, kind: DocumentKind, title: &str, text: &mut String) {
    let found = dossier.documents.iter().find(|shown| shown.document.kind == kind);
    line!(text, "\n## {title}\n");
    match found.map(|shown| &shown.text) {
        Some(Some(words)) => line!(text, "{}", quoted(words)),
        Some(None) => line!(
            text,
            "It was erased, or can not be shown; its digest is in the log."
        ),
        None => line!(
            text,
            "Not attached: `safeguard change attach {} {kind} FILE`.",
            dossier.change.id
        ),
    }
}

fn checklist(dossier: &Dossier, text: &mut String) {
    line!(text, "\n## Checklist\n");
    line!(text, "{}\n", open_in_short(dossier));
    for one in &dossier.checklist {
        let mark = match one.state {
            BoxState::Done => "[x]",
            BoxState::Open => "[ ]",
            BoxState::Unknown => "[ ] (a person must tell)",
        };
        line!(
            text,
            "- {mark} **{}** {} — {}",
            one.part,
            one.text,
            plain(&one.why)
        );
    }
}

/// How many boxes are not ticked, and what follows.
pub(super) fn open_in_short(dossier: &Dossier) -> String {
    let of = |state| dossier.checklist.iter().filter(|one| one.state == state).count();
    match (of(BoxState::Open), of(BoxState::Unknown)) {
        (0, 0) => "No box is open.".to_owned(),
        (0, unknown) => format!("{unknown} boxes wait for a person: do not deploy."),
        (open, 0) => format!("{open} boxes are open: do not deploy."),
        (open, unknown) => format!("{open} boxes are open and {unknown} wait for a person: do not deploy."),
    }
}

fn risk(dossier: &Dossier, text: &mut String) {
    line!(text, "\n## Risk\n");
    let Some(risk) = dossier.release.as_ref().and_then(|shown| shown.risk.as_ref()) else {
        line!(text, "Not computed: no gate was asked about a release of it.");
        return;
    };
    let asked = &risk.measures;
    line!(
        text,
        "**{}**: {} % of each soak, {} approvals more, {} steps in the canary.\n",
        risk.level,
        asked.soak_percent,
        asked.approvals_more,
        asked.canary_steps.len()
    );
    line!(
        text,
        "| what may happen | likelihood | impact | risk |\n|---|---:|---:|---|"
    );
    for cell in &risk.cells {
        line!(
            text,
            "| {} | {} of 5 | {} of 5 | {} |",
            cell.kind,
            cell.likelihood,
            cell.impact,
            cell.level
        );
    }
    line!(text, "\n| factor | strength | because |\n|---|---:|---|");
    for factor in &risk.factors {
        let strength = f64::from(factor.strength_permille) / 1000.0;
        line!(
            text,
            "| {} | {strength:.2} | {} |",
            factor.kind,
            plain(&factor.because)
        );
    }
}

fn tests(dossier: &Dossier, text: &mut String) {
    line!(text, "\n## Tests and coverage\n");
    line!(text, "| layer | executed | failed |\n|---|---:|---:|");
    for layer in Layer::ALL {
        let (executed, failed) = executed(dossier, layer);
        line!(text, "| {layer} | {executed} | {failed} |");
    }
}

/// What was executed in a layer, and what failed of it: as the gates saw it, or else as the reports say.
pub(super) fn executed(dossier: &Dossier, layer: Layer) -> (u64, u64) {
    let report = dossier.release.as_ref().and_then(|shown| shown.gates.as_ref());
    let layers = report.and_then(|report| report.layers.as_ref());
    if let Some(standing) = layers
        .iter()
        .flat_map(|seen| &seen.layers)
        .find(|standing| standing.layer == layer)
    {
        return (standing.executed, standing.failed);
    }
    let of = |evidence: &Evidence| match &evidence.facts {
        Facts::Tests(tests) => {
            let executed = tests.layers.get(&layer).copied().unwrap_or(0);
            (executed, if executed == 0 { 0 } else { tests.failed })
        }
        Facts::Drill(drill) if layer == Layer::Chaos => {
            let failed = drill
                .faults
                .iter()
                .filter(|fault| fault.failure.is_some())
                .count();
            (drill.faults.len() as u64, failed as u64)
        }
        Facts::Findings(_)
        | Facts::Coverage(_)
        | Facts::Load(_)
        | Facts::Components(_)
        | Facts::Resources(_)
        | Facts::Invariants(_)
        | Facts::Drill(_) => (0, 0),
    };
    let counts = dossier
        .evidence
        .iter()
        .filter(|evidence| evidence.inconclusive.is_empty())
        .map(of);
    counts.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

fn gates(dossier: &Dossier, text: &mut String) {
    line!(text, "\n## Gates\n");
    let report = dossier.release.as_ref().and_then(|shown| shown.gates.as_ref());
    let Some(report) = report else {
        line!(text, "No gate was asked yet.");
        return;
    };
    for said in &report.verdicts {
        gate(said, text);
    }
}

fn gate(said: &GateVerdict, text: &mut String) {
    line!(
        text,
        "- **{}** {}: {}",
        said.gate,
        said.verdict,
        plain(&said.reason)
    );
    for figure in &said.figures {
        let mark = if figure.met { "met" } else { "**not met**" };
        let (name, value, limit) = (plain(&figure.name), plain(&figure.value), plain(&figure.limit));
        line!(text, "  - {name}: {value} (limit {limit}), {mark}");
    }
    for missing in &said.missing {
        line!(text, "  - missing: {}", plain(missing));
    }
    for waiver in &said.waivers {
        line!(text, "  - **waived** by `{waiver}`");
    }
}

fn evidence(dossier: &Dossier, text: &mut String) {
    line!(text, "\n## Evidence\n");
    if dossier.evidence.is_empty() {
        line!(text, "None.");
        return;
    }
    line!(
        text,
        "| evidence | format | about | tool | added | document |\n|---|---|---|---|---|---|"
    );
    for one in &dossier.evidence {
        let tool = one.spec.tool.as_deref().map_or_else(|| "–".to_owned(), plain);
        let asked = one.spec.asked.as_ref();
        let asked = asked.map_or_else(String::new, |asked| {
            format!(", asked {}", plain(&asked.to_string()))
        });
        let (id, format, about) = (&one.id, one.spec.format, &one.spec.about);
        let (at, by, document) = (one.added_at, plain(&one.added_by), one.document.short());
        line!(
            text,
            "| `{id}` | {format} | {about} | {tool}{asked} | {at} by {by} | `{document}` |"
        );
    }
}

fn walk(dossier: &Dossier, text: &mut String) {
    line!(text, "\n## Stages\n");
    let Some(shown) = &dossier.release else {
        line!(text, "No release carries the change.");
        return;
    };
    for entry in &shown.walk {
        let late = if entry.late { " (late)" } else { "" };
        line!(
            text,
            "- {} `{}` {}{late} (entry {})",
            entry.at,
            entry.kind,
            plain(&entry.text),
            entry.index
        );
    }
}

fn recovery(dossier: &Dossier, text: &mut String) {
    line!(text, "\n## Recovery\n");
    line!(text, "```sh");
    for step in &dossier.recovery {
        line!(text, "{step}");
    }
    line!(text, "```");
    document(
        dossier,
        DocumentKind::Recovery,
        "Recovery, as its author wrote it",
        text,
    );
}

fn diff(dossier: &Dossier, text: &mut String) {
    line!(text, "\n## Diff\n");
    let Some(diff) = &dossier.diff else {
        line!(text, "Not attached.");
        return;
    };
    let (added, removed) = (diff.summary.added_lines(), diff.summary.removed_lines());
    line!(
        text,
        "{} files, {added} lines added, {removed} removed.\n",
        diff.summary.files.len()
    );
    let fence = fence(&diff.text);
    line!(text, "{fence}diff\n{}\n{fence}", diff.text.trim_end());
    if diff.cut > 0 {
        line!(
            text,
            "\n{} more bytes: `safeguard change document {} diff`.",
            diff.cut,
            dossier.change.id
        );
    }
}

fn proofs(dossier: &Dossier, text: &mut String) {
    line!(text, "\n## Proofs\n");
    let proofs = &dossier.proofs;
    let indices: Vec<String> = proofs
        .entries
        .iter()
        .map(|proof| proof.index.to_string())
        .collect();
    line!(
        text,
        "Log entries {}, each with `safeguard audit prove N`.",
        indices.join(", ")
    );
    if proofs.left_out > 0 {
        line!(text, "{} older entries are not named here.", proofs.left_out);
    }
    line!(text, "\n```text\n{}\n```", proofs.checkpoint.trim_end());
}

/// Longer than every run of backticks in it.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

/// Words of others stay words: they make no heading, table or link of their own.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => plain.push(' '),
            '|' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '\\' => {
                plain.push('\\');
                plain.push(c);
            }
            c if c.is_control() => plain.push('\u{fffd}'),
            c => plain.push(c),
        }
    }
    plain
}

/// A document within the document.
fn quoted(text: &str) -> String {
    text.lines()
        .map(|line| format!("> {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_others_stay_words() {
        assert_eq!(
            plain("# a | [b](c)\n<script>"),
            "\\# a \\| \\[b\\](c) \\<script\\>"
        );
        assert_eq!(fence("a ``` b ```` c"), "`````");
        assert_eq!(quoted("# no heading\nof ours"), "> # no heading\n> of ours");
    }
}
