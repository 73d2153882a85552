//! Statements in the words of programs that are not known to send any.

use safeguard_api::guard::GuardFinding;

use super::judged_statements;
use crate::shell::programs;
use crate::shell::rules::{self, Invocation};
use crate::shell::walk::{Stdin, Walk};

/// What is refused here of what a text would do; anything else may be a sentence.
const DESTROYS: &[&str] = &["bulk-write", "delete", "drop", "truncate"];
const BEGIN: &[&str] = &["delete", "drop", "truncate", "update"];

/// Refuses statements that destroy, whoever would send them.
pub(super) fn look(walk: &Walk<'_>, invocation: &Invocation) -> Result<(), GuardFinding> {
    if programs::only_speaks(&invocation.program) {
        return Ok(());
    }
    let piped = match &invocation.stdin {
        Stdin::Text(text) => Some(text.as_str()),
        Stdin::Inherited | Stdin::File(_) | Stdin::Unseen => None,
    };
    let words = invocation.args.iter().map(|word| {
        let text = word.text.as_str();
        match text.split_once('=') {
            Some((option, value)) if option.starts_with("--") => value,
            _ => text,
        }
    });
    for text in words.chain(piped).filter(|text| text.trim().contains(' ')) {
        // Graphs are asked otherwise, and deleted from by the same word.
        if text.to_lowercase().contains("detach delete") {
            return Err(rules::RESET_DATABASE.finding("deletes nodes of a graph"));
        }
        let first = text.split_whitespace().next().unwrap_or("").to_lowercase();
        if !BEGIN.contains(&first.as_str()) {
            continue;
        }
        match judged_statements(walk, text) {
            Err(finding) if DESTROYS.contains(&finding.rule.as_str()) => return Err(finding),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}
