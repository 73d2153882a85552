//! What a rehearsal showed, held against limits.

use std::time::Duration;

use safeguard_api::evidence::Severity;
use safeguard_api::migration::{MigrationFinding, Rehearsal};

/// What is shown of the differences after a way down.
const SHOWN_MAX: usize = 3;

/// What a migration may do to the data.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Rows that are meant to go.
    pub rows_removed_intended: u64,
    /// How long users may be kept waiting by its locks.
    pub lock_longest: Duration,
}

/// What a rehearsal is refused or warned for. None of it has a place in the text: the first line stands for all of it.
#[must_use]
pub fn measured(rehearsal: &Rehearsal, limits: Limits) -> Vec<MigrationFinding> {
    let mut found = Vec::new();
    let mut add = |severity, rule: &str, message: String, hint: &str| {
        found.push(MigrationFinding {
            rule: rule.to_owned(),
            severity,
            line: 1,
            column: 1,
            message,
            hint: Some(hint.to_owned()),
        });
    };
    let lost = rehearsal.rows_before - rehearsal.rows_after;
    if lost > limits.rows_removed_intended {
        let tables = rehearsal.rows_lost.iter().map(|lost| {
            let gone = lost.before - lost.after;
            format!("{gone} of {} in {}", lost.before, lost.table)
        });
        let tables: Vec<String> = tables.collect();
        let message = format!(
            "It loses {lost} rows, {} more than the {} intended: {}.",
            lost - limits.rows_removed_intended,
            limits.rows_removed_intended,
            tables.join(", ")
        );
        let hint =
            format!("keep them; or, if they are meant to go, write `-- safeguard: removes {lost} rows`");
        add(Severity::Critical, "rows-lost", message, &hint);
    }
    for lost in &rehearsal.values_lost {
        let message = format!(
            "It drops {}.{} with {} values in it.",
            lost.table, lost.column, lost.values
        );
        let hint =
            "move the values first, and check that nothing reads the column; no way down brings them back";
        add(Severity::High, "values-lost", message, hint);
    }
    for changed in &rehearsal.types_changed {
        let what = format!(
            "{}.{} from {} to {}",
            changed.table, changed.column, changed.from, changed.to
        );
        match changed.values_differ {
            true => add(
                Severity::High,
                "values-changed",
                format!("It turns {what}, and values read otherwise afterwards."),
                "check what is cut or rounded; a column of the new type beside the old one loses nothing",
            ),
            false => add(
                Severity::Low,
                "type-changed",
                format!("It turns {what}; all values here read as before."),
                "see that the versions before and after both bear either type",
            ),
        }
    }
    for table in &rehearsal.rewritten {
        add(
            Severity::Medium,
            "table-rewritten",
            format!("It writes {table} anew, whole, while nobody can use it."),
            "add a column beside the old one and fill it in batches",
        );
    }
    let took: Duration = rehearsal.took.into();
    if limits.lock_longest < took {
        for lock in rehearsal.locks.iter().filter(|lock| lock.rows > 0) {
            let message = format!(
                "It holds {} on {} ({} rows) until its commit, {} (limit {} s).",
                lock.mode,
                lock.table,
                lock.rows,
                rehearsal.took,
                limits.lock_longest.as_secs_f64()
            );
            let hint = "make it several migrations, with `NOT VALID`, `CONCURRENTLY` and batches";
            add(Severity::High, "lock-too-long", message, hint);
        }
    }
    match rehearsal.differs_after_down.as_deref() {
        Some([]) => {}
        Some(differences) => {
            let shown: Vec<&str> = differences.iter().take(SHOWN_MAX).map(String::as_str).collect();
            let more = match differences.len().saturating_sub(SHOWN_MAX) {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            };
            let message = format!("Its way down does not lead back: {}{more}.", shown.join("; "));
            let hint = "write down what the way up takes away; what is not kept anywhere can not come back";
            add(Severity::High, "not-reversed", message, hint);
        }
        None => add(
            Severity::Medium,
            "no-way-down",
            "It has no way down: the way back is a restored backup.".to_owned(),
            "write one beside it (`NAME.down.sql`, or a part `-- migrate:down`)",
        ),
    }
    found
}
