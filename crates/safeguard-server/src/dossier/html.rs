//! The dossier as one page of HTML that needs nothing else: no server, no network. Its script runs under a policy that
//! allows it and nothing else, and verifies the proofs with the browser's own cryptography.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use safeguard_api::checklist::BoxState;
use safeguard_api::evidence::Layer;
use safeguard_api::risk::RiskLevel;
use safeguard_api::{DocumentKind, Verdict};
use sha2::{Digest as _, Sha256};

use super::{Dossier, markdown, stands};

const STYLE: &str = include_str!("dossier.css");
const SCRIPT: &str = include_str!("dossier.js");

pub(crate) fn page(dossier: &Dossier) -> String {
    let hash = STANDARD.encode(Sha256::digest(SCRIPT.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"
    );
    let title = escape(&dossier.change.spec.title);
    let parts: [String; 12] = [
        head(dossier),
        document(dossier, DocumentKind::Intent, "Intent"),
        checklist(dossier),
        risk(dossier),
        document(dossier, DocumentKind::Risk, "Risk, as its author sees it"),
        tests(dossier),
        gates(dossier),
        evidence(dossier),
        walk(dossier),
        recovery(dossier),
        document(dossier, DocumentKind::Prompts, "Prompts"),
        diff(dossier),
    ];
    // In JSON within a script, `<` is the only character that could end it.
    let proofs =
        serde_json::to_string(&dossier.proofs).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"));
    let proofs = proofs.replace('<', "\\u003c");
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} · dossier</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{}\
         <section id=\"proofs\"><h2>Proofs</h2>\n<p id=\"verdict\" class=\"wait\" role=\"status\">This page verifies its \
         proofs in your browser; scripts are off, or it has not finished.</p>\n\
         <table><thead><tr><th>entry</th><th>kind</th><th>at</th><th>verified</th></tr></thead><tbody id=\"entries\"></tbody>\
         </table>\n<details><summary>Checkpoint and key</summary><pre id=\"checkpoint\"></pre></details></section>\n\
         <script type=\"application/json\" id=\"proof-data\">{proofs}</script>\n<script>{SCRIPT}</script>\n\
         </body>\n</html>\n",
        parts.concat()
    )
}

fn head(dossier: &Dossier) -> String {
    let spec = &dossier.change.spec;
    let none = "–".to_owned();
    let tool = [spec.ai_tool.clone(), spec.ai_tool_version.clone()];
    let tool: Vec<String> = tool.into_iter().flatten().collect();
    let mut rows = vec![
        (
            "change",
            format!("{}, recorded {}", dossier.change.id, dossier.change.recorded_at),
        ),
        ("service", spec.service.to_string()),
        ("commits", format!("{} → {}", spec.base, spec.head)),
        ("author", spec.author.clone()),
        (
            "co-authors",
            if spec.co_authors.is_empty() {
                none.clone()
            } else {
                spec.co_authors.join(", ")
            },
        ),
        ("prompter", spec.prompter.clone().unwrap_or_else(|| none.clone())),
        ("AI tool", if tool.is_empty() { none } else { tool.join(" ") }),
    ];
    if let Some(shown) = &dossier.release {
        rows.push((
            "release",
            format!("{} ({})", shown.release.version, shown.release.id),
        ));
        rows.push(("artifact", shown.release.artifact.to_string()));
        rows.push(("stands", stands(&shown.rollout)));
    }
    let rows: Vec<String> = rows
        .iter()
        .map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>", escape(value)))
        .collect();
    format!(
        "<header><h1>{}</h1><dl>{}</dl></header>\n",
        escape(&spec.title),
        rows.concat()
    )
}

fn section(title: &str, body: &str) -> String {
    format!("<section><h2>{title}</h2>\n{body}</section>\n")
}

fn document(dossier: &Dossier, kind: DocumentKind, title: &str) -> String {
    let found = dossier.documents.iter().find(|shown| shown.document.kind == kind);
    let body = match found.map(|shown| &shown.text) {
        Some(Some(words)) => format!("<pre class=\"words\">{}</pre>\n", escape(words)),
        Some(None) => "<p>It was erased, or can not be shown; its digest is in the log.</p>\n".to_owned(),
        None => format!(
            "<p class=\"bad\">Not attached: <code>safeguard change attach {} {kind} FILE</code></p>\n",
            dossier.change.id
        ),
    };
    section(title, &body)
}

fn checklist(dossier: &Dossier) -> String {
    let done = dossier.checklist.iter().all(|one| one.state == BoxState::Done);
    let class = if done { "good" } else { "bad" };
    let summary = format!("<p class=\"{class}\">{}</p>", markdown::open_in_short(dossier));
    let rows: Vec<String> = dossier
        .checklist
        .iter()
        .map(|one| {
            let (class, mark, word) = match one.state {
                BoxState::Done => ("good", "☑", "done"),
                BoxState::Open => ("bad", "☐", "open"),
                BoxState::Unknown => ("wait", "?", "a person must tell"),
            };
            let (part, text, why) = (escape(&one.part), escape(&one.text), escape(&one.why));
            format!(
                "<tr><td>{part}</td><td class=\"{class}\"><span aria-hidden=\"true\">{mark}</span> {word}</td>\
                 <td>{text}</td><td>{why}</td></tr>"
            )
        })
        .collect();
    section(
        "Checklist",
        &format!("{summary}<table>{}</table>\n", rows.concat()),
    )
}

fn risk(dossier: &Dossier) -> String {
    let Some(risk) = dossier.release.as_ref().and_then(|shown| shown.risk.as_ref()) else {
        return section(
            "Risk",
            "<p>Not computed: no gate was asked about a release of it.</p>\n",
        );
    };
    let class = |level| match level {
        RiskLevel::Low => "good",
        RiskLevel::Medium => "wait",
        RiskLevel::High | RiskLevel::Critical => "bad",
    };
    let asked = &risk.measures;
    let summary = format!(
        "<p><strong class=\"{}\">{}</strong>: {} % of each soak, {} approvals more, {} steps in the canary.</p>",
        class(risk.level),
        risk.level,
        asked.soak_percent,
        asked.approvals_more,
        asked.canary_steps.len()
    );
    let cells = risk.cells.iter().map(|cell| {
        let (kind, likelihood, impact, level) = (cell.kind, cell.likelihood, cell.impact, cell.level);
        let class = class(level);
        format!(
            "<tr><td>{kind}</td><td class=\"number\">{likelihood} of 5</td><td class=\"number\">{impact} of 5</td>\
             <td class=\"{class}\">{level}</td></tr>"
        )
    });
    let factors = risk.factors.iter().map(|factor| {
        let (kind, because) = (factor.kind, escape(&factor.because));
        let strength = f64::from(factor.strength_permille) / 1000.0;
        format!("<tr><td>{kind}</td><td class=\"number\">{strength:.2}</td><td>{because}</td></tr>")
    });
    let head = "<thead><tr><th>what may happen</th><th class=\"number\">likelihood</th><th class=\"number\">impact</th>\
                <th>risk</th></tr></thead>";
    let (cells, factors) = (cells.collect::<String>(), factors.collect::<String>());
    let details = format!("<details><summary>Factors</summary><table>{factors}</table></details>");
    section(
        "Risk",
        &format!("{summary}<table>{head}{cells}</table>{details}\n"),
    )
}

fn tests(dossier: &Dossier) -> String {
    let rows: Vec<String> = Layer::ALL
        .into_iter()
        .map(|layer| {
            let (executed, failed) = markdown::executed(dossier, layer);
            let class = if executed == 0 || failed > 0 { "bad" } else { "good" };
            format!(
                "<tr><td>{layer}</td><td class=\"number {class}\">{executed}</td><td class=\"number\">{failed}</td></tr>"
            )
        })
        .collect();
    let head = "<thead><tr><th>layer</th><th class=\"number\">executed</th><th class=\"number\">failed</th></tr></thead>";
    section(
        "Tests and coverage",
        &format!("<table>{head}{}</table>\n", rows.concat()),
    )
}

fn gates(dossier: &Dossier) -> String {
    let report = dossier.release.as_ref().and_then(|shown| shown.gates.as_ref());
    let Some(report) = report else {
        return section("Gates", "<p>No gate was asked yet.</p>\n");
    };
    let mut rows = String::new();
    for said in &report.verdicts {
        let class = match said.verdict {
            Verdict::Pass => "good",
            Verdict::Fail => "bad",
            Verdict::Inconclusive => "wait",
        };
        let mut details: Vec<String> = said
            .figures
            .iter()
            .map(|figure| {
                let class = if figure.met { "good" } else { "bad" };
                let (name, value, limit) =
                    (escape(&figure.name), escape(&figure.value), escape(&figure.limit));
                format!("<li class=\"{class}\">{name}: {value} (limit {limit})</li>")
            })
            .collect();
        details.extend(
            said.missing
                .iter()
                .map(|missing| format!("<li>missing: {}</li>", escape(missing))),
        );
        details.extend(
            said.waivers
                .iter()
                .map(|waiver| format!("<li class=\"wait\">waived by {waiver}</li>")),
        );
        let (gate, verdict, reason) = (said.gate, said.verdict, escape(&said.reason));
        rows.push_str(&format!(
            "<tr><td>{gate}</td><td class=\"{class}\">{verdict}</td><td>{reason}<ul>{}</ul></td></tr>",
            details.concat()
        ));
    }
    section("Gates", &format!("<table>{rows}</table>\n"))
}

fn evidence(dossier: &Dossier) -> String {
    let rows: Vec<String> = dossier
        .evidence
        .iter()
        .map(|one| {
            let tool = one.spec.tool.as_deref().unwrap_or("–");
            let state = if one.inconclusive.is_empty() {
                "counts".to_owned()
            } else {
                one.inconclusive.join("; ")
            };
            format!(
                "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td><td>{} by {}</td><td>{}</td>\
                 <td><code>{}</code></td></tr>",
                one.id,
                one.spec.format,
                one.spec.about,
                escape(tool),
                one.added_at,
                escape(&one.added_by),
                escape(&state),
                one.document.short()
            )
        })
        .collect();
    if rows.is_empty() {
        return section("Evidence", "<p>None.</p>\n");
    }
    let head = "<thead><tr><th>evidence</th><th>format</th><th>about</th><th>tool</th><th>added</th><th>state</th>\
                <th>document</th></tr></thead>";
    section("Evidence", &format!("<table>{head}{}</table>\n", rows.concat()))
}

fn walk(dossier: &Dossier) -> String {
    let Some(shown) = &dossier.release else {
        return section("Stages", "<p>No release carries the change.</p>\n");
    };
    let rows: Vec<String> = shown
        .walk
        .iter()
        .map(|entry| {
            let (at, kind, text, index) = (entry.at, escape(&entry.kind), escape(&entry.text), entry.index);
            format!("<tr><td>{at}</td><td>{kind}</td><td>{text}</td><td class=\"number\">{index}</td></tr>")
        })
        .collect();
    section("Stages", &format!("<table>{}</table>\n", rows.concat()))
}

fn recovery(dossier: &Dossier) -> String {
    let steps = escape(&dossier.recovery.join("\n"));
    let own = document(
        dossier,
        DocumentKind::Recovery,
        "Recovery, as its author wrote it",
    );
    section("Recovery", &format!("<pre>{steps}</pre>\n")) + &own
}

fn diff(dossier: &Dossier) -> String {
    let Some(diff) = &dossier.diff else {
        return section("Diff", "<p class=\"bad\">Not attached.</p>\n");
    };
    let lines: Vec<String> = diff
        .text
        .lines()
        .map(|line| {
            let class = match line.as_bytes().first() {
                Some(b'+') if !line.starts_with("+++ ") => " class=\"plus\"",
                Some(b'-') if !line.starts_with("--- ") => " class=\"minus\"",
                Some(b'@') => " class=\"place\"",
                Some(_) | None => "",
            };
            format!("<span{class}>{}</span>\n", escape(line))
        })
        .collect();
    let (added, removed) = (diff.summary.added_lines(), diff.summary.removed_lines());
    let cut = match diff.cut {
        0 => String::new(),
        cut => format!(
            "<p>{cut} more bytes: <code>safeguard change document {} diff</code></p>",
            dossier.change.id
        ),
    };
    let files = diff.summary.files.len();
    let summary = format!("<p>{files} files, {added} lines added, {removed} removed.</p>");
    section(
        "Diff",
        &format!("{summary}<pre class=\"diff\">{}</pre>{cut}\n", lines.concat()),
    )
}

pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_others_stay_words() {
        assert_eq!(escape("<script>\"'&"), "&lt;script&gt;&quot;&#39;&amp;");
    }
}
