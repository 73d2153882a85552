//! Undo for an agent: it sees what would come back, and brings it back itself only where the policy lets it write that much.

use std::path::PathBuf;

use safeguard_api::UndoId;
use safeguard_api::config::GuardPolicy;
use safeguard_api::guard::{Asker, GuardAnswer, GuardDecision, NamedRelation, StatementClass};
use safeguard_guard::{Act, Facts, Run, judge};
use serde_json::{Value, json};

use crate::db::connect::{self, DatabaseArgs};
use crate::failure::Failure;
use crate::undo::restore::{Restored, restore};
use crate::undo::{Place, RestoreOptions, Sources};

/// What an agent asks for.
pub struct Wanted {
    pub id: UndoId,
    pub apply: bool,
}

/// Where no database is named, or the agent may not, a person does it.
pub fn person_runs(id: &UndoId) -> String {
    format!(
        "ask a person to run `safeguard undo restore {id} --dry-run`, and then `safeguard undo restore {id}`"
    )
}

pub async fn run(
    database: &DatabaseArgs,
    from: Option<PathBuf>,
    wanted: &Wanted,
    asker: Asker,
    policy: &GuardPolicy,
) -> Result<Value, Value> {
    let failed = |failure: Failure| super::tools::told(failure);
    let options = |dry_run| RestoreOptions {
        sources: Sources {
            place: Place { url: None, ca: None },
            from: from.clone(),
        },
        dry_run,
        skip_conflicts: false,
    };
    let connected = async || connect::client(database, &database.parsed()?).await;
    let client = connected().await.map_err(failed)?;
    let seen = restore(&client, &wanted.id, &options(true), None)
        .await
        .map_err(failed)?;
    drop(client);
    let decision = judged(&seen, asker, policy);
    if !seen.possible {
        return Err(answer(&seen, &decision, &person_runs(&wanted.id)));
    }
    if decision.decision == GuardAnswer::Deny {
        let next = person_runs(&wanted.id);
        return match wanted.apply {
            true => Err(answer(&seen, &decision, &next)),
            false => Ok(answer(&seen, &decision, &next)),
        };
    }
    if !wanted.apply {
        return Ok(answer(
            &seen,
            &decision,
            "ask again with `apply` to bring it back",
        ));
    }
    // A connection of its own: what is counted begins with it.
    let client = connected().await.map_err(failed)?;
    let restored = restore(&client, &wanted.id, &options(false), decision.budget)
        .await
        .map_err(failed)?;
    match restored.applied {
        true => Ok(answer(&restored, &decision, "it is restored")),
        false => Err(answer(&restored, &decision, &person_runs(&wanted.id))),
    }
}

/// Bringing back is judged as what it does to the database.
fn judged(seen: &Restored, asker: Asker, policy: &GuardPolicy) -> GuardDecision {
    let acts = seen.tables.iter().map(|table| match table.from_trash {
        true => Act {
            class: StatementClass::Alter,
            does: format!("moves `{}` back out of the trash", table.table).into(),
            run: Run::Now,
        },
        false => Act {
            class: StatementClass::Write,
            does: format!("brings back rows of `{}`", table.table).into(),
            run: Run::Now,
        },
    });
    let mut facts = Facts {
        acts: acts.collect(),
        ..Facts::default()
    };
    facts.relations = seen
        .tables
        .iter()
        .map(|table| NamedRelation {
            name: table.table.clone(),
            target: true,
        })
        .collect();
    judge(&facts, asker, policy)
}

fn answer(restored: &Restored, decision: &GuardDecision, next: &str) -> Value {
    json!({ "undo": restored, "decision": decision.decision, "finding": decision.finding, "next": next })
}
