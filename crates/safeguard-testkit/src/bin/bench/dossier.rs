//! The dossier of a large change, from the command to the text.

use std::time::Instant;

use serde_json::json;

use crate::installation::Installation;
use crate::report::{Row, median};

const FILES: usize = 200;
const LINES_OF_EACH: usize = 50;
const ROUNDS: usize = 10;

pub fn run() -> anyhow::Result<Vec<Row>> {
    let installation = Installation::start()?;
    let change = installation.change(1)?;
    installation.attach(&change, "diff", &diff())?;
    let history = json!({ "api": "safeguard.history/1", "files": {} });
    installation.attach(&change, "history", &history.to_string())?;
    installation.attach(
        &change,
        "intent",
        &"Sums are rounded as the tax office does.\n".repeat(50),
    )?;
    installation.attach(&change, "prompts", &"please round the sums\n".repeat(5000))?;
    let mut rows = Vec::new();
    for (name, words) in [
        ("Markdown", vec!["change", "dossier", change.as_str()]),
        (
            "one HTML page",
            vec!["change", "dossier", change.as_str(), "--html", "dossier.html"],
        ),
    ] {
        let mut milliseconds = Vec::new();
        for _ in 0..ROUNDS {
            let began = Instant::now();
            installation.typed(&words)?;
            milliseconds.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        let name = format!("dossier of {FILES} files, {name}, command and all");
        rows.push(Row::new(name, median(&mut milliseconds), "ms").at_most(1000.0));
    }
    Ok(rows)
}

fn diff() -> String {
    let file = |number: usize| {
        let path = format!("src/part{number}.rs");
        let lines = format!("+    let sum = round(sum, {number});\n").repeat(LINES_OF_EACH);
        format!(
            "diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1,0 +2,{LINES_OF_EACH} @@\n{lines}"
        )
    };
    (0..FILES).map(file).collect()
}
