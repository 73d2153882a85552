//! What an approver is shown of a release: what the gates say, what is waived, and the dossier of each new change.

use safeguard_api::Verdict;
use safeguard_gate::{CaseFile, Parts};

use super::ApiError;
use crate::{App, dossier};

/// The text whose digest an approval names.
pub(super) async fn text(app: &App, file: &CaseFile, parts: &Parts) -> Result<String, ApiError> {
    let mut text = head(file, parts);
    for change in &file.changes {
        let (id, content) = (change.change.id.to_string(), app.content.clone());
        let found = app
            .store
            .read(move |tx| dossier::gather(tx, &content, &id))
            .await?;
        let found = found.ok_or_else(|| ApiError::not_found("change", &change.change.id))?;
        text.push_str("\n---\n\n");
        text.push_str(&dossier::text(&found));
    }
    Ok(text)
}

fn head(file: &CaseFile, parts: &Parts) -> String {
    let release = &file.release;
    let replaces = file
        .baseline
        .as_ref()
        .map_or("nothing: it is the first".to_owned(), |live| format!("`{live}`"));
    let mut text = format!(
        "# {} {}\n\n| | |\n|---|---|\n| release | `{}` |\n| artifact | `{}` |\n| replaces | {replaces} |\n\
         | would enter | {} |\n| new changes | {} |\n\n## Gates before it leaves {}\n\n",
        release.service,
        release.version,
        release.id,
        release.artifact,
        file.entering(),
        file.changes.len(),
        file.stage
    );
    for said in &file.judge(parts).verdicts {
        text.push_str(&format!(
            "- **{}** {}: {}\n",
            said.gate, said.verdict, said.reason
        ));
        if said.verdict != Verdict::Pass {
            for missing in &said.missing {
                text.push_str(&format!("  - {missing}\n"));
            }
        }
    }
    let waivers = file
        .waivers
        .iter()
        .filter(|waiver| waiver.in_force(&release.id, file.now));
    for waiver in waivers {
        let statement = &waiver.statement;
        text.push_str(&format!(
            "- **waived**: {} until {} by {}: {}\n",
            statement.gate,
            statement.expires,
            waiver.persons().into_iter().collect::<Vec<_>>().join(" and "),
            statement.reason
        ));
    }
    text
}
