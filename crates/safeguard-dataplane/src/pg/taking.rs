//! `DROP TABLE` and `TRUNCATE` that a person approved: what they would take is counted before they run, under the lock.
//!
//! Nothing counts the rows that they take, so the proxy does, in the transaction that it commits or rolls back. Under the
//! lock nobody adds any, and nothing new can depend on the tables. Afterwards whatever is locked must have been listed.

use std::sync::Arc;

use safeguard_api::statement::Takes;
use safeguard_guard::{Facts, Taking, TakingVerb};

use super::approval::Runs;
use super::course::{Course, Form};
use super::effect::{Effect, Purpose};
use super::estimate::Words;
use super::frame;
use super::own::unreadable;
use super::refusal::{NOT_SUPPORTED, OVER_BUDGET, Refusal};
use super::replies::Own;
use super::session::Session;
use super::taken::{Taken, counted_max};
use super::transaction::Answered;

/// Whoever waits for the lock is waited for by everybody else who wants the table.
const LOCK_LONGEST: &str = "SET LOCAL lock_timeout = '2s'";
/// Rows that a policy hides from the proxy's role must not be missing from the count: it fails instead.
const ALL_ROWS: &str = "SET LOCAL row_security = off";
/// PostgreSQL takes the questions below for larger than they are, and would compile them while everybody waits for the lock.
const NO_COMPILING: &str = "SET LOCAL jit = off";
const DROP_GONE: &str = include_str!("drop_gone.sql");
const TRUNCATE_GONE: &str = include_str!("truncate_gone.sql");
/// Tables that a TRUNCATE reaches are locked, and then may reach more.
const ROUNDS_MAX: u32 = 8;
/// How long a table stays in the trash: 14 days, as with `safeguard undo drop`.
const TRASH_MS: u64 = 14 * 24 * 3_600_000;

impl Session {
    /// The course of an approved statement that takes whole tables: locked, listed and counted first.
    pub fn taken(&mut self, facts: &Arc<Facts>, taking: &Taking, form: Form, words: Words<'_>) -> Course {
        let all = std::slice::from_ref(facts);
        let synced = form == Form::Query;
        if !self.settle() {
            return Course::Wait;
        }
        match self.transaction.answered.take() {
            Some(Answered::Failed { error, status }) => return self.failed(&error, status),
            Some(Answered::Unreadable) if self.transaction.baseline.is_none() => {
                return self.refuse(all, unreadable());
            }
            Some(Answered::Unreadable) => return self.refuse(all, unlisted()),
            Some(Answered::Within | Answered::Over(_)) | None => {}
        }
        let Some(permit) = &self.transaction.permit else {
            return self.refuse(all, unnamed());
        };
        let rows_max = permit.redeemed.budget.rows_deleted_max;
        let Some(takes) = permit.redeemed.takes.clone() else {
            return self.refuse(all, unnamed());
        };
        if self.transaction.baseline.is_none() {
            self.ask(Purpose::Undoable(permit.undo.clone()), synced);
            return Course::Wait;
        }
        if self.door.undo_required && !self.keeps_rows() {
            return self.refuse(all, super::course::no_undo());
        }
        let Some(taken) = &self.transaction.taken else {
            let names: Vec<String> = taking.relations.iter().map(|parts| quoted(parts)).collect();
            self.list(taking, &takes, &names, synced);
            return Course::Wait;
        };
        if let Some(odd) = taken.tables.iter().find(|table| !matches!(table.kind, 'r' | 'p')) {
            let refusal = no_table(&odd.name);
            return self.refuse(all, refusal);
        }
        let unlocked: Vec<String> = taken
            .tables
            .iter()
            .filter(|table| !table.is_locked)
            .map(|table| table.name.clone())
            .collect();
        if !unlocked.is_empty() {
            if taken.rounds >= ROUNDS_MAX {
                return self.refuse(all, restless());
            }
            self.list(taking, &takes, &unlocked, synced);
            return Course::Wait;
        }
        if taken.is_uncounted() {
            self.count_rows(rows_max, synced);
            return Course::Wait;
        }
        self.transaction.wording = self.wording_of(facts, words);
        if let Some(over) = self
            .transaction
            .taken
            .as_ref()
            .and_then(|taken| taken.over(taking, &takes, rows_max))
        {
            return self.too_much(facts, &over);
        }
        if let Some(course) = self.costed(all, form, words) {
            return course;
        }
        if self.keeps_rows() {
            return self.kept(facts, taking, form);
        }
        self.transaction.watch.add(facts);
        Course::Forward
    }

    /// The course of an Execute of what was counted when it was bound, and is locked since.
    pub fn taken_runs(&mut self, facts: &Arc<Facts>) -> Course {
        if !self.settle() {
            return Course::Wait;
        }
        match &facts.taking {
            Some(taking) if self.keeps_rows() => self.kept(facts, taking, Form::Execute),
            Some(_) | None => Course::Forward,
        }
    }

    /// The same where the database keeps what is removed: rows by its triggers, a table in the trash.
    fn kept(&mut self, facts: &Arc<Facts>, taking: &Taking, form: Form) -> Course {
        let all = std::slice::from_ref(facts);
        let Some((permit, taken)) = self
            .transaction
            .permit
            .as_ref()
            .zip(self.transaction.taken.as_ref())
        else {
            return self.refuse(all, unnamed());
        };
        let unkept = taken.tables.iter().find(|table| !table.keeps);
        match taking.verb {
            TakingVerb::Truncate if taking.restarts => self.refuse(all, restarts()),
            TakingVerb::Truncate => match unkept {
                Some(table) => self.refuse(all, not_kept(&table.name)),
                None => {
                    self.transaction.watch.add(facts);
                    Course::Forward
                }
            },
            TakingVerb::DropTable if taken.is_discarded => {
                self.transaction.watch.add(facts);
                self.discarded(form);
                Course::Answered
            }
            TakingVerb::DropTable if !self.discards() => self.refuse(all, no_trash()),
            // It goes when it is run.
            TakingVerb::DropTable if form == Form::Bind => Course::Forward,
            TakingVerb::DropTable => {
                let discard = format!(
                    "SELECT safeguard_undo.discard('{}', {}, {TRASH_MS}, {})",
                    permit.undo,
                    taken.discarded(taking),
                    taking.cascade
                );
                self.ask_plain(&[&discard], Purpose::Discard, form == Form::Query);
                Course::Wait
            }
        }
    }

    /// Answers what was to drop the tables that are in the trash; of a simple query only when that is committed.
    fn discarded(&mut self, form: Form) {
        let is_query = form == Form::Query;
        let out = if is_query {
            &mut self.held
        } else {
            &mut self.client.output
        };
        frame::message(out, b'C', |out| frame::text(out, b"DROP TABLE"));
        if is_query {
            self.transaction.is_ending = true;
            self.end_wrapped(b'T');
        } else if let Some(permit) = &mut self.transaction.permit {
            permit.runs = Runs::Ran;
        }
    }

    /// Locks tables, and asks what the statement would take.
    fn list(&mut self, taking: &Taking, takes: &Takes, locks: &[String], synced: bool) {
        let names: Vec<String> = taking.relations.iter().map(|parts| quoted(parts)).collect();
        let gone = match taking.verb {
            TakingVerb::DropTable => DROP_GONE,
            TakingVerb::Truncate => TRUNCATE_GONE,
        };
        let gone = gone
            .replace("@NAMED@", &array(&names))
            .replace("@APPROVED@", &array(&takes.relations))
            .replace("@CASCADE@", if taking.cascade { "true" } else { "false" });
        let lock = format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", locks.join(", "));
        self.ask_plain(
            &[LOCK_LONGEST, ALL_ROWS, NO_COMPILING, &lock, &gone],
            Purpose::List,
            synced,
        );
    }

    fn count_rows(&mut self, rows_max: u64, synced: bool) {
        let Some(taken) = &self.transaction.taken else {
            return;
        };
        let limit = counted_max(rows_max).saturating_add(1);
        let counts = taken.with_rows().map(|table| {
            format!(
                "SELECT pg_catalog.count(*)::pg_catalog.text FROM (SELECT FROM ONLY {} LIMIT {limit}) counted",
                table.name
            )
        });
        let counts: Vec<String> = counts.collect();
        self.ask_plain(&[&counts.join(" UNION ALL ")], Purpose::Rows, synced);
    }

    /// Hears what was listed or counted.
    pub fn taken_answered(&mut self, own: Own, status: u8) {
        match own.error {
            Some(error) if own.synced => {
                self.transaction.answered = Some(Answered::Failed { error, status });
                return;
            }
            // The client's batch goes on to its end; this is the error that it hears.
            Some(error) => return self.client.output.extend_from_slice(&error),
            None => {}
        }
        let rows_max = self
            .transaction
            .permit
            .as_ref()
            .map_or(0, |permit| permit.redeemed.budget.rows_deleted_max);
        let read = match (own.purpose, &mut self.transaction.taken) {
            (Purpose::Rows, Some(taken)) => taken.read_rows(&own.rows, counted_max(rows_max)),
            (Purpose::Discard, Some(taken)) => {
                taken.is_discarded = true;
                Some(())
            }
            (_, before) => {
                let rounds = before.as_ref().map_or(0, |taken| taken.rounds);
                let taken = Taken::read(&own.rows, rounds + 1);
                taken.map(|taken| *before = Some(taken))
            }
        };
        if read.is_none() {
            self.transaction.answered = Some(Answered::Unreadable);
        }
    }

    /// Refuses what would take more than was approved, and says how a person lets it run with these figures.
    fn too_much(&mut self, facts: &Arc<Facts>, over: &str) -> Course {
        self.transaction.watch.add(facts);
        let rows = self.transaction.taken.as_ref().map_or(0, Taken::rows);
        let decision = self.door.decision();
        self.tell_measured(&Effect::of_rows_deleted(rows), Some(over), &decision);
        let mut refusal = self.over_refusal(over, &decision);
        refusal.sqlstate = OVER_BUDGET.to_owned();
        Course::Refuse(Box::new(refusal))
    }
}

/// A name as SQL takes it, whatever is in it.
fn quoted(parts: &[String]) -> String {
    let parts = parts
        .iter()
        .map(|part| format!("\"{}\"", part.replace('"', "\"\"")));
    parts.collect::<Vec<_>>().join(".")
}

/// Texts as SQL takes them. The server reads backslashes as they are: `standard_conforming_strings` is on in every session.
fn array(texts: &[String]) -> String {
    let texts: Vec<String> = texts
        .iter()
        .map(|text| format!("'{}'", text.replace('\'', "''")))
        .collect();
    format!("ARRAY[{}]", texts.join(", "))
}

fn unnamed() -> Refusal {
    Refusal::new(
        "42501",
        "the approval does not count: it names no tables",
        "have the statement approved again, by a newer `safeguard`",
    )
}

fn no_table(name: &str) -> Refusal {
    Refusal::new(
        NOT_SUPPORTED,
        format!("`{name}` is no table: only tables are dropped and emptied by an approval"),
        "write a migration",
    )
}

fn unlisted() -> Refusal {
    Refusal::new(
        NOT_SUPPORTED,
        "what the statement would take could not be read from the server's answer",
        "write a migration",
    )
}

fn no_trash() -> Refusal {
    Refusal::new(
        "42501",
        "undo is installed here, and the proxy's role may not drop tables into its trash",
        "run `safeguard undo install --dropper ROLE --apply` with the role of `[proxies.NAME.upstream]`",
    )
}

fn not_kept(name: &str) -> Refusal {
    Refusal::new(
        "42501",
        format!("undo is installed here, and the rows of `{name}` would not be kept"),
        "the table was made after `safeguard undo install`, or its triggers are off: install it again",
    )
}

fn restarts() -> Refusal {
    Refusal::new(
        NOT_SUPPORTED,
        "undo is installed here, and it does not bring back what RESTART IDENTITY does to sequences",
        "leave RESTART IDENTITY out, and set the sequences in a migration",
    )
}

fn restless() -> Refusal {
    Refusal::new(
        NOT_SUPPORTED,
        format!("CASCADE reaches more tables at each look, after {ROUNDS_MAX} looks too"),
        "name the tables in the statement",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_can_not_leave_their_quotes() {
        let parts = ["a\"b".to_owned(), "c'; DROP".to_owned()];
        assert_eq!(quoted(&parts), "\"a\"\"b\".\"c'; DROP\"");
        assert_eq!(array(&parts), "ARRAY['a\"b', 'c''; DROP']");
    }
}
