//! What the planner expects of a statement, by `EXPLAIN` without `ANALYZE`.

use safeguard_api::config::GuardPolicy;
use safeguard_api::guard::{Asker, GuardAnswer, GuardDecision, StatementClass as Class};
use safeguard_guard::{judge, read};
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::{Client, SimpleQueryMessage};

use super::{Function, Relation};
use crate::db::connect::told;

/// What was expected, or why nothing was asked.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Plan {
    Expected {
        /// Rows that come back, or that are added, changed or deleted; without those of cascades and triggers.
        rows: u64,
        /// In the planner's own units.
        cost: f64,
    },
    LeftOut(String),
}

/// Asks the planner about a statement that nothing is left out of.
pub async fn ask(client: &Client, sql: &str, asker: Asker, policy: &GuardPolicy) -> Plan {
    let explain = format!("EXPLAIN (FORMAT JSON) {sql}");
    let judged = judge(&read(&explain), asker, policy);
    if judged.decision == GuardAnswer::Deny || judged.cost.statements != 1 {
        return Plan::LeftOut("a statement of its kind has no plan".to_owned());
    }
    match client.simple_query(&explain).await {
        Ok(answer) => {
            let text = answer.iter().find_map(|message| match message {
                SimpleQueryMessage::Row(row) => row.get(0),
                _ => None,
            });
            text.and_then(expected)
                .unwrap_or_else(|| Plan::LeftOut("the plan is not understood".to_owned()))
        }
        Err(error) => Plan::LeftOut(format!("the database refuses to plan it: {}", told(&error))),
    }
}

/// Why the planner is not asked. Planning runs functions that call themselves immutable: none of somebody's own may be in sight.
pub fn left_out(
    decision: &GuardDecision,
    relations: &[Relation],
    functions: &[Function],
) -> Option<&'static str> {
    const HIDES: &[Class] = &[
        Class::UnknownFunction,
        Class::DynamicSql,
        Class::ExecutePrepared,
        Class::Code,
    ];
    let mut found = relations.iter().filter_map(|relation| relation.found.as_ref());
    if decision.decision == GuardAnswer::Deny {
        Some("it is refused, and nothing of it is sent")
    } else if decision.cost.statements != 1 {
        Some("it is not one statement")
    } else if decision.classes.iter().any(|class| HIDES.contains(class))
        || !functions.is_empty()
        || found.any(|found| !found.calls.is_empty())
    {
        Some("planning may run functions that somebody defined")
    } else {
        None
    }
}

/// The figure of a change is that of the plan below it.
fn expected(text: &str) -> Option<Plan> {
    let plans: Value = serde_json::from_str(text).ok()?;
    let top = plans.get(0)?.get("Plan")?;
    let rows = |plan: &Value| plan.get("Plan Rows").and_then(Value::as_u64);
    let is_below = |plan: &&Value| {
        let place = plan.get("Parent Relationship").and_then(Value::as_str);
        matches!(place, Some("Outer" | "Member"))
    };
    let rows = match top.get("Node Type").and_then(Value::as_str) {
        Some("ModifyTable") => {
            let below = top.get("Plans").and_then(Value::as_array)?;
            below.iter().filter(is_below).map(rows).sum::<Option<u64>>()?
        }
        _ => rows(top)?,
    };
    Some(Plan::Expected {
        rows,
        cost: top.get("Total Cost").and_then(Value::as_f64)?,
    })
}
