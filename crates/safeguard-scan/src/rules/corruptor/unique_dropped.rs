//! SQL: what kept rows from being there twice is dropped, and nothing takes its place.

use super::sql_file::CHECKS_OFF;
use crate::analysis::sql_file;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};

pub static CHECK: Check = Check { run, ..CHECKS_OFF };

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let lower = source.tree.text().to_ascii_lowercase();
    // Another key, or the table's end, explains it; the way back of a migration takes away what its way there made.
    let explained = [
        "unique",
        "primary key",
        "drop table",
        "create table",
        "exclude using",
    ]
    .iter()
    .any(|word| lower.contains(word));
    let back = ["down", "rollback", "revert", "undo"].iter().any(|word| {
        source.path.to_ascii_lowercase().contains(word)
            || lower.contains(&format!("-- {word}"))
            || lower.contains(&format!("+goose {word}"))
    });
    if explained || back {
        return;
    }
    for statement in sql_file::of(source) {
        let altered = statement.altered_table().is_some();
        let drops = altered && (statement.has(&["drop", "constraint"]) || statement.has(&["drop", "index"]))
            || statement.begins(&["drop", "index"]);
        let text = source.tree.source(statement.node).to_ascii_lowercase();
        let is_unique = text
            .split(|char: char| !char.is_alphanumeric() && char != '_')
            .any(|name| {
                let parts: Vec<&str> = name.split('_').collect();
                parts.len() > 1
                    && parts
                        .iter()
                        .any(|part| matches!(*part, "uniq" | "uq" | "uk" | "ux"))
                    || altered && name.ends_with("_key") && name.matches('_').count() >= 2
            });
        if drops && is_unique {
            reports.add(
                statement.node,
                "what kept two rows from saying the same is gone, and nothing takes its place: from here on there are doubles",
            );
        }
    }
}
