//! What a statement will cost by the server's own estimate, asked for before it runs where a quota has a limit.
//!
//! The statement is explained as it came, with the parameters that it came with, and is not run. Planning may run functions,
//! so that it is done where the statement is to run: what is measured is explained within its transaction.

use std::collections::HashMap;
use std::sync::Arc;

use safeguard_guard::{Facts, Plan};
use serde::Deserialize;

use super::course::{Course, Form};
use super::effect::Purpose;
use super::frame::{self, HEAD_BYTES, columns, take_text};
use super::quota::{Limit, Over};
use super::refusal::{NOT_SUPPORTED, Refusal};
use super::replies::Own;
use super::session::Session;
use super::transaction::Block;

/// Of the texts of prepared statements that a session keeps; further ones can not be run where cost is limited, and can not
/// be approved.
const PREPARED_BYTES_MAX: usize = 4 << 20;
/// Of the parameters that a statement is explained with.
pub const PARAMETERS_BYTES_MAX: usize = 1 << 20;

const EXPLAIN: &str = "EXPLAIN (FORMAT JSON) ";
/// What the session itself has set of that by which the planner reckons: with its prices anything costs nothing.
const PRICES: &str = "\
SELECT pg_catalog.string_agg(name, ', ' ORDER BY name) FROM pg_catalog.pg_settings WHERE source IN ('session', 'client') \
AND name IN ('cpu_index_tuple_cost', 'cpu_operator_cost', 'cpu_tuple_cost', 'cursor_tuple_fraction', 'effective_cache_size', \
'parallel_setup_cost', 'parallel_tuple_cost', 'random_page_cost', 'recursive_worktable_factor', 'seq_page_cost')";

/// What a message says of the statement that it names.
#[derive(Clone, Copy)]
pub enum Words<'m> {
    /// Not enough to know what it will cost.
    None,
    /// A simple query's text, without a code in front of it.
    Query(&'m str),
    /// The same of a text that is prepared.
    Parsed(&'m str),
    Bound(Bound<'m>),
}

/// What a statement is bound to.
#[derive(Clone, Copy)]
pub struct Bound<'m> {
    /// Its name.
    pub statement: &'m [u8],
    /// None as long as the server has not taken it, or when it was not kept.
    pub prepared: Option<&'m Prepared>,
    /// None when they are not seen whole.
    pub values: Option<&'m [u8]>,
}

/// A statement that was prepared, and that may have to be explained or approved when it is bound.
pub struct Prepared {
    pub text: String,
    /// The types of its parameters, as the message says them.
    types: Vec<u8>,
}

impl Prepared {
    /// Reads the body of a Parse message; none when it is not what its kind asks for.
    pub fn read(mut body: &[u8]) -> Option<Prepared> {
        take_text(&mut body)?;
        let text = take_text(&mut body)?;
        Some(Prepared {
            text: std::str::from_utf8(text).ok()?.to_owned(),
            types: body.to_vec(),
        })
    }

    fn bytes(&self) -> usize {
        self.text.len() + self.types.len()
    }
}

/// What the server has estimated.
#[derive(Debug, Clone)]
enum Estimated {
    Cost(u64),
    /// The error of a simple query's estimate, and the server's status after it.
    Failed {
        error: Vec<u8>,
        status: u8,
    },
    Unknown(Box<Refusal>),
}

/// What a session knows of costs.
#[derive(Default)]
pub struct Estimates {
    /// By the name that the server took.
    prepared: HashMap<Vec<u8>, Arc<Prepared>>,
    /// Of the message that is decided about.
    estimated: Option<Estimated>,
}

impl Estimates {
    pub fn forget_answer(&mut self) {
        self.estimated = None;
    }

    /// Notes what the server took under a name.
    pub fn confirm(&mut self, name: Vec<u8>, prepared: Option<Arc<Prepared>>) {
        self.forget(&name);
        let Some(prepared) = prepared else { return };
        let kept: usize = self.prepared.values().map(|one| one.bytes()).sum();
        if kept + prepared.bytes() <= PREPARED_BYTES_MAX {
            self.prepared.insert(name, prepared);
        }
    }

    pub fn forget(&mut self, name: &[u8]) {
        // Most proxies limit no cost, and then there is none to be found.
        if !self.prepared.is_empty() {
            self.prepared.remove(name);
        }
    }

    pub fn of(&self, name: &[u8]) -> Option<Arc<Prepared>> {
        self.prepared.get(name).cloned()
    }
}

impl Session {
    pub fn limits_cost(&self) -> bool {
        let quota = self.door.standing().policy.quotas.of(self.login.principal);
        quota.cost_max.is_some()
    }

    /// What comes of a statement by its cost, where that is limited; none when it may run.
    pub fn costed(&mut self, all: &[Arc<Facts>], form: Form, words: Words<'_>) -> Option<Course> {
        let max = self.meter.quota.cost_max?;
        let plan = all.iter().map(|facts| facts.plan).max().unwrap_or_default();
        if !matches!(form, Form::Query | Form::Bind) || plan == Plan::None {
            return None;
        }
        let Some(estimated) = self.estimates.estimated.clone() else {
            return self.estimate(all, form, plan, words);
        };
        match estimated {
            Estimated::Cost(figure) if figure <= max => None,
            Estimated::Cost(figure) => {
                let limit = Limit::Cost;
                let over = Over { limit, figure, max };
                let decision = self.tell_quota(&over, !self.door.observes);
                let refusal = over.refusal(self.login.principal, &self.login.user, &decision);
                (!self.door.observes).then(|| Course::Refuse(Box::new(refusal)))
            }
            // It would fail in the same way; in a transaction it can not be told any more.
            Estimated::Failed { status: b'I', .. } if self.door.observes => None,
            Estimated::Failed { error, status } => Some(self.failed(&error, status)),
            Estimated::Unknown(refusal) => self.unknown_cost(all, *refusal),
        }
    }

    fn unknown_cost(&self, all: &[Arc<Facts>], refusal: Refusal) -> Option<Course> {
        match self.door.observes {
            true => {
                tracing::info!(
                    proxy = %self.door.name, user = %self.login.user, why = %refusal.message,
                    "A statement whose cost can not be told was let through"
                );
                None
            }
            false => Some(self.refuse(all, refusal)),
        }
    }

    fn estimate(&mut self, all: &[Arc<Facts>], form: Form, plan: Plan, words: Words<'_>) -> Option<Course> {
        if !self.settle() {
            return Some(Course::Wait);
        }
        // The error of what failed before is the one to be told.
        if self.transaction.block == Block::Failed {
            return None;
        }
        let why = match (plan, words) {
            // The end of the question would commit what came before it in the batch.
            (Plan::One, Words::Query(_)) if self.mid_batch => unsynced(),
            (Plan::One, Words::Query(text)) => {
                self.ask_estimate(text, &[0; 2], &[0; 4], form);
                return Some(Course::Wait);
            }
            (
                Plan::One,
                Words::Bound(Bound {
                    prepared: Some(prepared),
                    values: Some(values),
                    ..
                }),
            ) => {
                self.ask_estimate(&prepared.text, &prepared.types, values, form);
                return Some(Course::Wait);
            }
            (Plan::One, Words::Bound(_) | Words::Parsed(_) | Words::None) => not_kept(),
            (Plan::Unseen | Plan::None, _) => not_explained(),
        };
        self.unknown_cost(all, why)
    }

    fn ask_estimate(&mut self, text: &str, types: &[u8], parameters: &[u8], form: Form) {
        let synced = form == Form::Query;
        let text = [EXPLAIN, text].concat();
        let none: (&[u8], &[u8]) = (&[0; 2], &[0; 4]);
        let questions = [(PRICES, none), (&text, (types, parameters))];
        self.ask_with(&questions, Purpose::Estimate, synced, None);
    }

    /// Takes the answer.
    pub fn estimated(&mut self, own: Own, status: u8) {
        let error = own.error.as_deref().map(shifted);
        self.estimates.estimated = match error {
            // The client's batch goes on to its end; this is the error that it hears.
            Some(error) if !own.synced => {
                self.client.output.extend_from_slice(&error);
                None
            }
            Some(error) => Some(Estimated::Failed { error, status }),
            None => Some(match read(&own.rows) {
                Ok(cost) => Estimated::Cost(cost),
                Err(refusal) => Estimated::Unknown(Box::new(refusal)),
            }),
        };
    }
}

/// The values that a statement is bound to, as the message says them; none when the message is not seen whole.
pub fn parameters(whole: &[u8], is_whole: bool) -> Option<&[u8]> {
    let mut rest = whole;
    let formats = take_count(&mut rest)?;
    rest = rest.get(2 * formats..)?;
    for _ in 0..take_count(&mut rest)? {
        // A missing value is so many bytes less than none.
        let length = frame::take_u32(&mut rest)?.cast_signed();
        rest = rest.get(usize::try_from(length).unwrap_or(0)..)?;
    }
    whole.get(..whole.len() - rest.len()).filter(|_| is_whole)
}

fn take_count(bytes: &mut &[u8]) -> Option<usize> {
    let (count, rest) = bytes.split_first_chunk::<2>()?;
    *bytes = rest;
    Some(usize::from(u16::from_be_bytes(*count)))
}

#[derive(Deserialize)]
struct Explained {
    #[serde(rename = "Plan")]
    plan: Top,
}

#[derive(Deserialize)]
struct Top {
    #[serde(rename = "Node Type")]
    kind: String,
    #[serde(rename = "Total Cost")]
    total: f64,
    #[serde(rename = "Plans", default)]
    below: Vec<Cost>,
}

#[derive(Deserialize)]
struct Cost {
    #[serde(rename = "Total Cost")]
    total: f64,
}

impl Top {
    /// What finds the rows of a write is below it.
    fn total(&self) -> f64 {
        let below = self.below.iter().filter(|_| self.kind == "ModifyTable");
        below.fold(self.total, |most, one| most.max(one.total))
    }
}

/// The cost from the rows of the answer.
fn read(rows: &[Vec<u8>]) -> Result<u64, Refusal> {
    let texts: Option<Vec<Option<&str>>> = rows
        .iter()
        .map(|row| match columns(row)?.as_slice() {
            [None] => Some(None),
            [Some(text)] => std::str::from_utf8(text).ok().map(Some),
            _ => None,
        })
        .collect();
    let plan = match texts.as_deref() {
        Some([None, Some(plan)]) => *plan,
        Some([Some(prices), _]) => return Err(own_prices(prices)),
        _ => return Err(unreadable()),
    };
    let explained: Vec<Explained> = serde_json::from_str(plan).map_err(|_| unreadable())?;
    let cost: f64 = explained.iter().map(|one| one.plan.total()).sum();
    if explained.is_empty() || !cost.is_finite() || cost < 0.0 {
        return Err(unreadable());
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is not negative, and what is too large becomes the largest"
    )]
    Ok(cost.ceil() as u64)
}

/// An error of the explained text, whose position is told as in the text itself.
fn shifted(error: &[u8]) -> Vec<u8> {
    let mut body = error.get(HEAD_BYTES..).unwrap_or(&[]);
    let mut out = Vec::new();
    frame::message(&mut out, b'E', |out| {
        while let Some((&field, rest)) = body.split_first().filter(|(field, _)| **field != 0) {
            body = rest;
            let Some(value) = take_text(&mut body) else {
                break;
            };
            let position = std::str::from_utf8(value).ok().filter(|_| field == b'P');
            let position = position.and_then(|at| at.parse::<usize>().ok()?.checked_sub(EXPLAIN.len()));
            out.push(field);
            match position {
                Some(at) => frame::text(out, at.to_string().as_bytes()),
                None => frame::text(out, value),
            }
        }
        out.push(0);
    });
    out
}

fn own_prices(prices: &str) -> Refusal {
    Refusal::new(
        NOT_SUPPORTED,
        format!(
            "the cost of statements is limited, and the session has set what it is reckoned by: {prices}"
        ),
        "leave them as the server has them: `RESET` takes back what was set",
    )
}

fn unreadable() -> Refusal {
    Refusal::new(
        NOT_SUPPORTED,
        "the cost of statements is limited, and the server does not tell what this one would cost",
        "write it so that `EXPLAIN (FORMAT JSON)` shows a plan of less than a megabyte",
    )
}

fn not_explained() -> Refusal {
    Refusal::new(
        NOT_SUPPORTED,
        "the cost of statements is limited, and what this one would cost can not be told before it runs",
        "send one statement at a time, the query itself instead of `COPY … TO`, and `EXPLAIN` without `ANALYZE`",
    )
}

fn unsynced() -> Refusal {
    Refusal::new(
        NOT_SUPPORTED,
        "the cost of statements is limited, and a simple query amid a batch can not be explained",
        "end the batch with a Sync before it",
    )
}

/// SQLSTATE `invalid_sql_statement_name`, after which drivers prepare anew.
fn not_kept() -> Refusal {
    Refusal::new(
        "26000",
        "the cost of statements is limited, and what this one was prepared as, or is bound to, was not kept",
        format!(
            "prepare it again, in at most {PREPARED_BYTES_MAX} bytes with all others, and bind it to at most \
             {PARAMETERS_BYTES_MAX} bytes"
        ),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::frame::error_field;
    use super::*;

    fn row(column: Option<&str>) -> Vec<u8> {
        let mut row = vec![0, 1];
        row.extend(
            column
                .map_or(-1, |text| i32::try_from(text.len()).unwrap())
                .to_be_bytes(),
        );
        row.extend(column.unwrap_or_default().as_bytes());
        row
    }

    fn cost(plan: &str) -> Result<u64, String> {
        read(&[row(None), row(Some(plan))]).map_err(|refusal| refusal.message)
    }

    #[test]
    fn the_cost_is_that_of_the_top_and_of_what_finds_the_rows_of_a_write() {
        let read = r#"[{"Plan": {"Node Type": "Limit", "Total Cost": 1.5, "Plans": [{"Node Type": "Seq Scan", "Total Cost": 99.0}]}}]"#;
        assert_eq!(cost(read), Ok(2));
        let write = r#"[{"Plan": {"Node Type": "ModifyTable", "Total Cost": 0.0, "Plans": [{"Total Cost": 7.25}, {"Total Cost": 3}]}},
            {"Plan": {"Node Type": "Result", "Total Cost": 1}}]"#;
        assert_eq!(cost(write), Ok(9));
    }

    #[test]
    fn what_is_no_cost_is_not_taken_for_one() {
        for plan in [
            "",
            "[]",
            "{}",
            r#"["Utility"]"#,
            r#"[{"Plan": {"Node Type": "Result"}}]"#,
        ] {
            assert!(cost(plan).is_err(), "{plan}");
        }
        let huge = r#"[{"Plan": {"Node Type": "Result", "Total Cost": 1e300}}]"#;
        assert_eq!(cost(huge), Ok(u64::MAX));
        assert!(
            read(&[row(Some("seq_page_cost")), row(Some(huge))])
                .unwrap_err()
                .message
                .ends_with("by: seq_page_cost")
        );
        assert!(read(&[Vec::new(), Vec::new()]).is_err());
        assert!(read(&[row(None)]).is_err());
    }

    #[test]
    fn the_values_of_a_bind_are_taken_without_what_follows() {
        let values = [
            0, 1, 0, 1, 0, 2, 0, 0, 0, 3, b'a', b'b', b'c', 0xff, 0xff, 0xff, 0xff,
        ];
        let bind = [&values[..], &[0, 1, 0, 1]].concat();
        assert_eq!(parameters(&bind, true), Some(&values[..]));
        assert_eq!(parameters(&bind, false), None);
        assert_eq!(parameters(&bind[..12], true), None);
    }

    #[test]
    fn an_error_points_into_the_text_that_the_client_sent() {
        let mut error = Vec::new();
        frame::message(&mut error, b'E', |out| {
            for (field, value) in [(b'C', "42P01"), (b'P', "37")] {
                out.push(field);
                frame::text(out, value.as_bytes());
            }
            out.push(0);
        });
        let told = shifted(&error);
        assert_eq!(error_field(&told[HEAD_BYTES..], b'P'), Some(&b"15"[..]));
        assert_eq!(error_field(&told[HEAD_BYTES..], b'C'), Some(&b"42P01"[..]));
    }
}
