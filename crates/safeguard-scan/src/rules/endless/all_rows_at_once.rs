//! A request, a query or a message for each row of a table, all of them begun at once.

use super::unbounded_concurrency;
use crate::analysis::bodies;
use crate::analysis::code::Code;
use crate::analysis::loops;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, EVERY_LANGUAGE, Reports};
use crate::tree::{Flags, Kind, NodeId, Role};
use safeguard_api::evidence::Severity;

pub static CHECK: Check = Check {
    severity: Severity::High,
    confidence: Confidence::High,
    languages: EVERY_LANGUAGE,
    run,
    ..unbounded_concurrency::CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let tree = code.tree;
    let told = "this begins one for each row of the table, all at once: with the rows grows what the database, the other side and the memory have to bear";
    let lower = tree.text().to_ascii_lowercase();
    let limits = [
        "semaphore",
        "limiter",
        "plimit",
        "p-limit",
        "p-map",
        "setlimit",
        "bottleneck",
        "pqueue",
        "p-queue",
        "chunk",
        "batch",
    ];
    if limits.iter().any(|word| lower.contains(word)) {
        return;
    }
    for call in source.calls().iter().copied() {
        let each = match code.path(call) {
            "Promise.all" | "Promise.allSettled" => code.arg(call, 0).and_then(|arg| mapped(code, arg)),
            "asyncio.gather" => tree
                .children_in(call, Role::Arg)
                .find(|arg| code.kind(*arg) == Kind::Spread)
                .and_then(|spread| code.child(spread, Role::Value))
                .and_then(|value| gathered(code, value)),
            _ => None,
        };
        if let Some(list) = each
            && !undoes_or_tests(code, call)
            && is_whole_table(code, list)
        {
            reports.add(call, told);
        }
    }
    if tree.language() == Language::Go {
        let loops = source.of_kind(Kind::ForEach).iter();
        for each in loops.chain(source.of_kind(Kind::For)).copied() {
            let starts = bodies::running(tree, each).into_iter().find(|id| {
                code.kind(*id) == Kind::Go
                    || code.kind(*id) == Kind::Call
                        && code.called(*id) == "Go"
                        && code
                            .arg(*id, 0)
                            .is_some_and(|given| code.kind(given) == Kind::Lambda)
            });
            let waits = bodies::running(tree, each).iter().any(|id| {
                matches!(code.kind(*id), Kind::Send | Kind::Select)
                    || code.kind(*id) == Kind::Unary && code.name(*id) == "<-"
                    || code.kind(*id) == Kind::Call && matches!(code.called(*id), "Acquire" | "Wait")
            });
            let all = match code.child(each, Role::Iter) {
                Some(list) => is_whole_table(code, list),
                None => is_each_row(code, each),
            };
            if let Some(at) = starts
                && all
                && !waits
                && !undoes_or_tests(code, each)
            {
                reports.add(at, told);
            }
        }
    }
}

/// Go: `for rows.Next()` of a query that has no limit.
fn is_each_row(code: Code<'_>, each: NodeId) -> bool {
    let Some(next) = code.child(each, Role::Condition).filter(|next| {
        code.kind(*next) == Kind::Call && code.called(*next) == "Next" && code.args(*next).is_empty()
    }) else {
        return false;
    };
    let query = code.receiver(next).and_then(|rows| code.set_to(rows));
    query.is_some_and(|query| {
        code.kind(query) == Kind::Call
            && code.called(query).starts_with("Query")
            && code.texts_in(query).any(|sql| {
                sql.to_ascii_lowercase().contains("select ") && !sql.to_ascii_lowercase().contains("limit")
            })
    })
}

/// The list of `list.map(async (row) => { await … })`, also by a name, or filled in a loop over it.
fn mapped(code: Code<'_>, arg: NodeId) -> Option<NodeId> {
    let tree = code.tree;
    let value = match code.kind(code.bare(arg)) {
        Kind::Name => match code.set_to(arg) {
            Some(set) if code.kind(set) == Kind::List => return pushed(code, arg),
            Some(set) => code.bare(set),
            None => return None,
        },
        _ => code.bare(arg),
    };
    let callback =
        (code.kind(value) == Kind::Call && code.called(value) == "map").then(|| code.arg(value, 0))??;
    works(code, callback).then(|| {
        tree.child(value, Role::Callee)
            .and_then(|callee| code.child(callee, Role::Object))
    })?
}

/// Whether what is done with one row waits for somebody else.
fn works(code: Code<'_>, callback: NodeId) -> bool {
    let tree = code.tree;
    if code.kind(callback) != Kind::Lambda {
        return false;
    }
    tree.flags(callback).has(Flags::ASYNC) && tree.subtree(callback).any(|id| code.kind(id) == Kind::Await)
        || tree.subtree(callback).any(|id| {
            code.kind(id) == Kind::Call
                && (matches!(
                    code.called(id),
                    "fetch"
                        | "send"
                        | "sendMail"
                        | "query"
                        | "create"
                        | "save"
                        | "update"
                        | "upload"
                        | "post"
                        | "request"
                ) || code.first_name_of_call(id) == Some("axios"))
        })
}

/// `for (const user of users) { tasks.push(send(user)); }`
fn pushed(code: Code<'_>, tasks: NodeId) -> Option<NodeId> {
    let tree = code.tree;
    let function = bodies::enclosing(tree, tasks)?;
    tree.subtree(function)
        .filter(|id| code.kind(*id) == Kind::Call && code.called(*id) == "push")
        .filter(|id| {
            code.receiver(*id)
                .is_some_and(|of| code.name(of) == code.name(code.bare(tasks)))
                && code
                    .arg(*id, 0)
                    .is_some_and(|given| code.kind(given) == Kind::Call)
        })
        .find_map(|id| {
            let each = loops::around(tree, id)
                .into_iter()
                .find(|around| code.kind(*around) == Kind::ForEach)?;
            code.child(each, Role::Iter)
        })
}

/// The list of `*[send(row) for row in rows]` or `*(send(row) for row in rows)`, also by a name.
fn gathered(code: Code<'_>, value: NodeId) -> Option<NodeId> {
    let made = match code.kind(value) {
        Kind::Name => code.set_to(value)?,
        _ => value,
    };
    if code.kind(made) != Kind::Comprehension {
        return None;
    }
    let clause = code.child(made, Role::Item)?;
    let filtered = code.child(clause, Role::Condition).is_some();
    code.child(clause, Role::Iter).filter(|_| !filtered)
}

/// Whether a list is what a query for all rows gave: no limit, and nothing of this one caller in its conditions.
pub(super) fn is_whole_table(code: Code<'_>, list: NodeId) -> bool {
    let list = without_question(code, code.bare(list));
    let value = match code.kind(list) {
        Kind::Name if code.tree.language() == Language::Go => return filled_in_go(code, list),
        Kind::Name => match code.set_to(list).or_else(|| taken_apart(code, list)) {
            Some(value) => without_question(code, code.bare(value)),
            None => return false,
        },
        // `result.rows`
        Kind::Member if matches!(code.name(list), "rows" | "data") => {
            match code.child(list, Role::Object).and_then(|of| code.set_to(of)) {
                Some(value) => code.bare(value),
                None => return false,
            }
        }
        Kind::Call => list,
        _ => return false,
    };
    asks_for_all(code, value)
}

/// Rust's `x?` is `x` where it goes on.
fn without_question(code: Code<'_>, value: NodeId) -> NodeId {
    match code.kind(value) {
        Kind::Unary if code.name(value) == "?" => code
            .child(value, Role::Value)
            .map_or(value, |inner| code.bare(inner)),
        _ => value,
    }
}

/// `const { rows } = await pool.query(…)`
fn taken_apart(code: Code<'_>, name: NodeId) -> Option<NodeId> {
    let tree = code.tree;
    let function = bodies::enclosing(tree, name)?;
    tree.subtree(function)
        .filter(|id| *id < name && code.kind(*id) == Kind::Assign)
        .filter(|id| {
            code.child(*id, Role::Target).is_some_and(|target| {
                code.kind(target) == Kind::Object
                    && tree
                        .subtree(target)
                        .any(|part| code.kind(part) == Kind::Name && code.name(part) == code.name(name))
            })
        })
        .find_map(|id| code.child(id, Role::Value))
}

/// `select(Subscriber)`, and no condition.
fn selects_all(code: Code<'_>, mut statement: NodeId) -> bool {
    while code.kind(statement) == Kind::Call && matches!(code.called(statement), "order_by" | "options") {
        match code.receiver(statement) {
            Some(of) => statement = of,
            None => return false,
        }
    }
    code.kind(statement) == Kind::Call
        && code.called(statement) == "select"
        && code.args(statement).len() == 1
}

fn asks_for_all(code: Code<'_>, value: NodeId) -> bool {
    let mut call = value;
    // `(await session.execute(select(User))).scalars().all()`
    while code.kind(call) == Kind::Call {
        match code.called(call) {
            "findMany" | "findAll" | "find" | "findBy" => {
                let model = code
                    .receiver(call)
                    .is_some_and(|of| !matches!(code.kind(of), Kind::List | Kind::Call | Kind::Lambda));
                let paged = ["take", "limit", "first", "skip"]
                    .iter()
                    .any(|name| code.option(call, name).is_some());
                let callback = code
                    .arg(call, 0)
                    .is_some_and(|first| code.kind(first) == Kind::Lambda);
                return model && !paged && !callback && all_of_them(code, code.option(call, "where"));
            }
            // Rust: `sqlx::query_as("SELECT …").fetch_all(&pool)`
            "fetch_all" if code.tree.language() == Language::Rust => {
                let asked = code.receiver(call);
                return asked.is_some_and(|asked| {
                    code.texts_in(asked).any(is_for_all) && code.called(asked) != "bind"
                });
            }
            // `session.scalars(select(User))`
            "scalars" if code.arg(call, 0).is_some() => {
                return code
                    .arg(call, 0)
                    .is_some_and(|first| selects_all(code, code.set_to(first).unwrap_or(first)));
            }
            "query" | "fetch" | "fetch_all" | "execute" | "any" | "manyOrNone" => {
                let Some(first) = code.arg(call, 0) else {
                    return false;
                };
                let statement = code.set_to(first).unwrap_or(first);
                return code.text(first).is_some_and(is_for_all) || selects_all(code, statement);
            }
            "all" | "fetchall" | "scalars" | "values" | "order_by" | "orderBy" | "lean" | "exec" | "list" => {
                if code
                    .tree
                    .source(call)
                    .trim_end_matches("()")
                    .ends_with(".objects.all")
                    || code.tree.source(call).ends_with(".query.all()")
                {
                    return true;
                }
                match code.receiver(call) {
                    Some(of) => {
                        call = match code.kind(code.bare(of)) {
                            Kind::Name => match code.set_to(of) {
                                Some(set) => code.bare(set),
                                None => return false,
                            },
                            _ => code.bare(of),
                        };
                    }
                    None => return false,
                }
            }
            _ => return false,
        }
    }
    false
}

/// `SELECT … FROM t` without a limit and without a place for a value.
fn is_for_all(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.trim_start().starts_with("select")
        && lower.contains(" from ")
        && ![
            "limit",
            "fetch first",
            "count(",
            "sum(",
            "max(",
            "min(",
            "$1",
            "%s",
            "?",
            ":",
            " top ",
        ]
        .iter()
        .any(|part| lower.contains(part))
}

/// Whether conditions only sort out by fixed values: `{ where: { active: true } }`.
fn all_of_them(code: Code<'_>, conditions: Option<NodeId>) -> bool {
    let Some(conditions) = conditions else {
        return true;
    };
    code.kind(conditions) == Kind::Object
        && code.tree.children(conditions).all(|pair| {
            code.child(pair, Role::Value)
                .is_some_and(|value| match code.kind(value) {
                    Kind::Bool | Kind::Null | Kind::Str | Kind::Num => true,
                    Kind::Object => all_of_them(code, Some(value)),
                    _ => has_word(
                        code.last_name(value),
                        &["now", "today", "since", "cutoff", "before", "date"],
                    ),
                })
        })
}

/// `db.Find(&users)`, `users, err := repo.ListAll(ctx)`
fn filled_in_go(code: Code<'_>, list: NodeId) -> bool {
    let tree = code.tree;
    let Some(function) = bodies::enclosing(tree, list) else {
        return false;
    };
    let name = code.name(list);
    tree.subtree(function).any(|id| match code.kind(id) {
        Kind::Call if code.called(id) == "Find" && code.args(id).len() == 1 => {
            let into = code.arg(id, 0).is_some_and(|arg| {
                code.kind(arg) == Kind::Unary
                    && code
                        .child(arg, Role::Value)
                        .is_some_and(|value| code.name(value) == name)
            });
            let text = tree.source(id);
            into && !text.contains("Limit(") && !text.contains("Where(")
        }
        Kind::Assign => {
            let first = tree.children_in(id, Role::Target).next().is_some_and(|target| {
                tree.subtree(target)
                    .find(|part| code.kind(*part) == Kind::Name)
                    .is_some_and(|part| code.name(part) == name)
            });
            first
                && code.child(id, Role::Value).is_some_and(|value| {
                    code.kind(value) == Kind::Call
                        && ["ListAll", "FindAll", "GetAll", "LoadAll", "FetchAll"]
                            .iter()
                            .any(|begin| code.called(value).starts_with(begin))
                        && code.args(value).len() <= 1
                })
        }
        _ => false,
    })
}
