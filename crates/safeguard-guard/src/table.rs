//! What is done to rows: queries, changes, deletions, copies.

use pg_raw_parse::Node;
use pg_raw_parse::nodes::{CopyStmt, InsertStmt, MergeStmt, RangeVar, SelectStmt};
use pg_raw_parse::raw::{CmdType, DropBehavior, OnConflictAction};
use safeguard_api::guard::StatementClass as Class;

use crate::condition::{Target, covers_every_row, is_all_of};
use crate::facts::{Taking, TakingVerb};
use crate::names::{owned, relation_parts, shown};
use crate::read::{Below, Scope, Walk};
use crate::{cost, server};

/// How a relation that a statement makes ends with the session: `t`, as PostgreSQL has it.
const TEMPORARY: std::ffi::c_char = b't'.cast_signed();

/// The bit of a cursor's options that `WITH HOLD` sets.
const CURSOR_WITH_HOLD: i32 = 0x20;

/// Schemas of extensions that run what their tables say.
const SCHEDULES: &[&str] = &[
    "_timescaledb_config",
    "cron",
    "partman",
    "pgagent",
    "timescaledb_config",
];

pub(crate) fn see<'a>(walk: &mut Walk<'a, '_>, node: Node<'a>, scope: Scope) -> Option<Below> {
    match node {
        Node::SelectStmt(select) => read(walk, select, scope),
        Node::InsertStmt(insert) => {
            if is_upsert_of_itself(insert) {
                let does = || {
                    format!(
                        "changes every row of {}: it is its own source",
                        shown(insert.relation())
                    )
                };
                change(walk, Class::BulkWrite, insert.relation(), does, scope);
            } else {
                let does = || format!("adds rows to {}", shown(insert.relation()));
                change(walk, Class::Write, insert.relation(), does, scope);
            }
        }
        Node::UpdateStmt(update) => {
            let target = Target::of(update.relation(), update.from_clause());
            match covers_every_row(update.where_clause(), &target) {
                Some(why) => {
                    let does = || format!("changes every row of {}: {why}", shown(update.relation()));
                    change(walk, Class::BulkWrite, update.relation(), does, scope);
                }
                None => {
                    let does = || format!("changes rows of {}", shown(update.relation()));
                    change(walk, Class::Write, update.relation(), does, scope);
                }
            }
        }
        Node::DeleteStmt(delete) => {
            let relation = delete.relation();
            let target = Target::of(relation, delete.using_clause());
            match covers_every_row(delete.where_clause(), &target) {
                Some(why) => {
                    let does = || format!("deletes every row of {}: {why}", shown(relation));
                    change(walk, Class::Delete, relation, does, scope);
                    change(walk, Class::BulkWrite, relation, does, scope);
                }
                None => {
                    let does = || format!("deletes rows of {}", shown(relation));
                    change(walk, Class::Delete, relation, does, scope);
                }
            }
        }
        Node::MergeStmt(merge) => self::merge(walk, merge, scope),
        Node::TruncateStmt(truncate) => {
            let tables = truncate.relations().into_iter();
            let tables = tables.filter_map(|table| match table {
                Node::RangeVar(table) => Some(owned(&relation_parts(table))),
                _ => None,
            });
            walk.take(Taking {
                verb: TakingVerb::Truncate,
                relations: tables.collect(),
                cascade: truncate.behavior == DropBehavior::DROP_CASCADE,
                restarts: truncate.restart_seqs,
            });
            for table in truncate.relations() {
                if let Node::RangeVar(table) = table {
                    let does = || format!("empties {}", shown(Some(table)));
                    change(walk, Class::Truncate, Some(table), does, scope);
                }
            }
        }
        Node::CopyStmt(copy) => self::copy(walk, copy, scope),
        Node::DeclareCursorStmt(cursor) => {
            walk.facts.holds_cursor |= cursor.options & CURSOR_WITH_HOLD != 0;
            walk.add(Class::Read, "reads through a cursor", scope);
        }
        Node::IntoClause(into) => {
            let made = into.rel();
            if let Some(made) = made {
                walk.relation(made, true, scope);
            }
            if made.is_some_and(|made| made.relpersistence == TEMPORARY) {
                walk.add(
                    Class::Temporary,
                    format!("makes the temporary table {}", shown(made)),
                    scope,
                );
            } else {
                walk.add(
                    Class::Create,
                    format!("makes {} from a query", shown(made)),
                    scope,
                );
            }
        }
        _ => return None,
    }
    Some(Below::All(scope))
}

fn read<'a>(walk: &mut Walk<'a, '_>, select: &'a SelectStmt, scope: Scope) {
    cost::count_select(&mut walk.facts.cost, select);
    walk.add(Class::Read, "reads", scope);
}

/// Notes a change of a relation, by what the relation is.
fn change<'a>(
    walk: &mut Walk<'a, '_>,
    class: Class,
    relation: Option<&'a RangeVar>,
    does: impl FnOnce() -> String,
    scope: Scope,
) {
    if let Some(relation) = relation {
        walk.relation(relation, true, scope);
    }
    if scope.planned {
        walk.add(Class::Read, "plans a change without making it", scope);
        return;
    }
    let class = match relation.map(relation_parts).as_deref() {
        Some(parts) if server::is_catalog(parts) => Class::CatalogWrite,
        // What is written there runs later, or drops by itself.
        Some([schema, _]) if SCHEDULES.contains(schema) => Class::Deferred,
        // Rows that are written there may go elsewhere, through a view or a rule; emptied is only a table itself.
        Some(["pg_temp", _]) if class == Class::Truncate => Class::Temporary,
        Some(_) | None => class,
    };
    walk.add(class, does(), scope);
}

fn merge<'a>(walk: &mut Walk<'a, '_>, merge: &'a MergeStmt, scope: Scope) {
    let target = merge.relation();
    let about = Target::joined(target, merge.source_relation());
    let every = covers_every_row(merge.join_condition(), &about);
    for clause in merge.merge_when_clauses() {
        match clause.command_type {
            CmdType::CMD_DELETE => {
                let does = || format!("deletes rows of {} where they match", shown(target));
                change(walk, Class::Delete, target, does, scope);
            }
            CmdType::CMD_NOTHING => walk.add(Class::Read, "reads", scope),
            CmdType::CMD_UPDATE if every.is_some() && matches!(clause.condition(), Node::None) => {
                let does = || format!("changes every row of {} that it merges into", shown(target));
                change(walk, Class::BulkWrite, target, does, scope);
            }
            _ => {
                let does = || format!("merges rows into {}", shown(target));
                change(walk, Class::Write, target, does, scope);
            }
        }
    }
}

/// `INSERT INTO t SELECT … FROM t ON CONFLICT … DO UPDATE …`: each row meets itself.
fn is_upsert_of_itself(insert: &InsertStmt) -> bool {
    let updates = insert.on_conflict_clause().is_some_and(|clause| {
        clause.action == OnConflictAction::ONCONFLICT_UPDATE && matches!(clause.where_clause(), Node::None)
    });
    let Node::SelectStmt(select) = insert.select_stmt() else {
        return false;
    };
    updates && is_all_of(select, insert.relation())
}

fn copy<'a>(walk: &mut Walk<'a, '_>, copy: &'a CopyStmt, scope: Scope) {
    let place = match (copy.is_program, copy.filename()) {
        (true, _) => Some("runs a program on the server"),
        (false, Some(_)) if copy.is_from => Some("reads a file of the server"),
        (false, Some(_)) => Some("writes a file on the server"),
        (false, None) => None,
    };
    if let Some(does) = place {
        walk.add(Class::Host, does, scope);
    }
    if copy.is_from {
        let does = || format!("copies rows into {}", shown(copy.relation()));
        change(walk, Class::Write, copy.relation(), does, scope);
    } else {
        walk.add(Class::Read, "copies rows out", scope);
    }
}

pub(crate) fn is_temporary(relation: Option<&RangeVar>) -> bool {
    relation.is_some_and(|relation| {
        relation.relpersistence == TEMPORARY || relation.schemaname() == Some("pg_temp")
    })
}
