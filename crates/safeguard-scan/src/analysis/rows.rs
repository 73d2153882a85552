//! Rows of a database as values of a program: where they come from, and what protects them.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::{bodies, calls};
use crate::language::Language;
use crate::matching::Source;
use crate::tree::{Kind, NodeId, Role, Tree};

/// A name that holds a row, and where it was read.
#[derive(Debug, Clone, Copy)]
pub struct Row<'t> {
    pub name: &'t str,
    pub read: NodeId,
}

const READS: &[&str] = &[
    "get",
    "first",
    "one",
    "one_or_none",
    "scalar",
    "scalar_one",
    "scalar_one_or_none",
    "get_object_or_404",
    "get_or_404",
    "first_or_404",
    "get_or_none",
    "find_one",
    "find_by_id",
    "fetchone",
    "fetch_one",
    "fetchrow",
    "fetchval",
    "get_item",
    "findOne",
    "findById",
    "findByPk",
    "findUnique",
    "findFirst",
    "findOneBy",
    "findOneOrFail",
    "findUniqueOrThrow",
    "findOneByOrFail",
    "First",
    "Take",
    "Find",
    "Get",
    "GetContext",
    "findFirstOrThrow",
    "aget",
    "afirst",
    "lean",
    "exec",
    "get_by_id",
    "get_object",
    "last",
];

/// The rows that a function reads without a lock, each by the name it is given.
pub fn read_in<'t>(source: &'t Source, function: NodeId) -> Vec<Row<'t>> {
    let tree = &source.tree;
    let mut rows = Vec::new();
    for id in bodies::body(tree, function) {
        match tree.kind(id) {
            Kind::Assign => {
                let (Some(target), Some(value)) = (tree.child(id, Role::Target), tree.child(id, Role::Value))
                else {
                    continue;
                };
                let target = match tree.kind(target) {
                    Kind::Name => Some(target),
                    // `const [user] = await …`
                    Kind::List | Kind::Tuple => tree
                        .children(target)
                        .next()
                        .filter(|first| tree.kind(*first) == Kind::Name),
                    // `const { rows } = await client.query(…)`
                    Kind::Object => tree
                        .children(target)
                        .next()
                        .and_then(|pair| tree.child(pair, Role::Value))
                        .filter(|value| tree.kind(*value) == Kind::Name),
                    _ => None,
                };
                if let Some(target) = target
                    && reads_row(source, value)
                {
                    rows.push(Row {
                        name: tree.name(target),
                        read: value,
                    });
                }
            }
            // Go: `db.First(&account, id)`, `row.Scan(&balance)`.
            Kind::Call
                if matches!(
                    calls::name(tree, id),
                    "First" | "Take" | "Find" | "Scan" | "Get" | "GetContext"
                ) =>
            {
                for arg in calls::args(tree, id) {
                    if tree.kind(arg) == Kind::Unary
                        && tree.name(arg) == "&"
                        && let Some(root) = tree
                            .child(arg, Role::Value)
                            .filter(|value| tree.kind(*value) == Kind::Name)
                    {
                        rows.push(Row {
                            name: tree.name(root),
                            read: id,
                        });
                    }
                }
            }
            // Go: `users.FindOne(ctx, filter).Decode(&user)`.
            Kind::Call
                if calls::name(tree, id) == "Decode" && calls::chain(tree, id).contains(&"FindOne") =>
            {
                let read = calls::arg(tree, id, 0).and_then(|arg| calls::root(tree, arg));
                rows.extend(read.map(|root| Row {
                    name: tree.name(root),
                    read: id,
                }));
            }
            _ => {}
        }
    }
    rows
}

/// Whether a call is of a function of the same file that reads one row and gives it back.
fn reads_by_helper(source: &Source, call: NodeId) -> bool {
    let tree = &source.tree;
    let reads = |part: NodeId| {
        calls::args(tree, part).any(|arg| {
            sql_of(tree, arg).is_some_and(|text| text.starts_with("select") && text.contains(" where "))
        })
    };
    helper(source, call).is_some_and(|function| {
        let nodes = bodies::body(tree, function);
        !is_protected(source, function)
            && nodes
                .iter()
                .any(|part| tree.kind(*part) == Kind::Call && reads(*part))
            && nodes.iter().any(|part| tree.kind(*part) == Kind::Return)
    })
}

/// Whether a call is of a function of the same file that writes a row.
pub fn saves_by_helper(source: &Source, call: NodeId) -> bool {
    let tree = &source.tree;
    let writes = |part: NodeId| {
        is_save(tree, part)
            || calls::args(tree, part)
                .any(|arg| sql_of(tree, arg).is_some_and(|text| text.starts_with("update")))
    };
    helper(source, call).is_some_and(|function| {
        bodies::body(tree, function)
            .iter()
            .any(|part| tree.kind(*part) == Kind::Call && writes(*part))
    })
}

/// The function of the file that a call is of, if there is one of its name.
fn helper(source: &Source, call: NodeId) -> Option<NodeId> {
    let tree = &source.tree;
    let own = calls::receiver(tree, call).is_none_or(|of| {
        let by = bodies::enclosing(tree, call).and_then(|function| bodies::own_object(tree, function));
        tree.kind(of) == Kind::Name && Some(tree.name(of)) == by || tree.name(of) == "this"
    });
    let name = calls::name(tree, call);
    if !own || name.is_empty() {
        return None;
    }
    let mut found = source
        .of_kind(Kind::Function)
        .iter()
        .filter(|function| tree.name(**function) == name);
    let first = found.next()?;
    found.next().is_none().then_some(*first)
}

/// Whether a value is a row that is read here.
fn reads_row(source: &Source, value: NodeId) -> bool {
    let tree = &source.tree;
    let value = match tree.kind(value) {
        Kind::Await | Kind::Cast => {
            return tree
                .child(value, Role::Value)
                .is_some_and(|value| reads_row(source, value));
        }
        // `cursor.fetchone()[0]`, `(await …).rows[0]`
        Kind::Index | Kind::Member => {
            return tree
                .child(value, Role::Object)
                .is_some_and(|value| reads_row(source, value));
        }
        // Rust: `sqlx::query_scalar("SELECT …").fetch_one(&pool).await?`
        Kind::Unary if tree.name(value) == "?" => {
            return tree
                .child(value, Role::Value)
                .is_some_and(|value| reads_row(source, value));
        }
        Kind::Call if tree.language() == Language::Rust => return fetches_row(source, value),
        Kind::Call => value,
        _ => return false,
    };
    let chain = calls::chain(tree, value);
    let Some(last) = chain.first() else {
        return false;
    };
    if reads_by_helper(source, value) || gets_item(tree, value) {
        return true;
    }
    let sql =
        calls::args(tree, value).any(|arg| sql_of(tree, arg).is_some_and(|text| text.starts_with("select")));
    if sql {
        return true;
    }
    let from_repository = calls::receiver(tree, value).is_some_and(|receiver| {
        let name = tree.source(receiver).to_ascii_lowercase();
        name.len() < 40
            && ["repo", "store", "dao", "crud"]
                .iter()
                .any(|part| name.contains(part))
    }) && ["get", "find", "load", "fetch"]
        .iter()
        .any(|start| last.to_ascii_lowercase().starts_with(start))
        && !["getall", "findall", "get_all", "find_all", "list"]
            .contains(&last.to_ascii_lowercase().as_str());
    if from_repository {
        return true;
    }
    if !READS.contains(last) {
        return false;
    }
    let args: Vec<NodeId> = calls::args(tree, value).collect();
    // SQLAlchemy: `session.scalar(select(Item).where(…))`, `session.get(Item, key)`.
    let selects = args
        .first()
        .is_some_and(|arg| calls::chain(tree, *arg).last() == Some(&"select"));
    if *last == "scalar" && selects || *last == "get" && by_class(tree, &args) {
        return true;
    }
    // A dictionary, a client or settings have `get` as well.
    match *last {
        "get" | "Get" | "last" | "Find" | "exec" => {
            let path = calls::path(source, value);
            let text = tree.source(value);
            path.contains(".objects.")
                || chain.iter().any(|name| {
                    matches!(
                        *name,
                        "query"
                            | "get_item"
                            | "findOne"
                            | "findById"
                            | "select_related"
                            | "filter"
                            | "filter_by"
                            | "Where"
                            | "Model"
                            | "execute"
                    )
                })
                || path.starts_with("session.get")
                || path.starts_with("db.session.get")
                || path.starts_with("db.get") && calls::args(tree, value).count() == 2
                || path.ends_with(".query.get")
                || text.contains("SELECT")
        }
        "first" | "one" | "scalar" => chain.len() > 1,
        _ => true,
    }
}

/// Rust: what fetches one row, also where its value is taken out of what was given back: `….fetch_optional(&pool).await?.ok_or(Missing)?`.
fn fetches_row(source: &Source, call: NodeId) -> bool {
    let tree = &source.tree;
    match calls::name(tree, call) {
        // A database in a file of its own program has nobody else who writes.
        _ if ["Sqlite", "rusqlite"]
            .iter()
            .any(|word| tree.text().contains(word)) =>
        {
            false
        }
        "fetch_one" | "fetch_optional" | "query_one" | "query_opt" => tree.subtree(call).any(|part| {
            tree.kind(part) == Kind::Call
                && calls::args(tree, part)
                    .any(|arg| sql_of(tree, arg).is_some_and(|text| text.starts_with("select")))
        }),
        // SeaORM, Diesel
        "one" => calls::chain(tree, call)
            .iter()
            .any(|name| matches!(*name, "find" | "find_by_id")),
        "first" => calls::args(tree, call).next().is_some(),
        "ok_or" | "ok_or_else" | "unwrap_or" | "unwrap_or_default" | "unwrap" | "expect" | "get" => {
            calls::receiver(tree, call).is_some_and(|of| reads_row(source, of))
        }
        _ => false,
    }
}

/// DynamoDB: `client.send(new GetCommand({ … }))`
fn gets_item(tree: &Tree, call: NodeId) -> bool {
    calls::name(tree, call) == "send"
        && calls::arg(tree, call, 0)
            .is_some_and(|command| matches!(calls::name(tree, command), "GetCommand" | "GetItemCommand"))
}

/// Whether the arguments are a model and a key.
fn by_class(tree: &Tree, args: &[NodeId]) -> bool {
    matches!(args, [class, _] if tree.language() == Language::Python
        && tree.kind(*class) == Kind::Name
        && tree.name(*class).starts_with(|first: char| first.is_ascii_uppercase())
        && tree.name(*class).bytes().any(|byte| byte.is_ascii_lowercase()))
}

/// The text of an SQL statement, in small letters and with single spaces.
pub fn sql_of(tree: &Tree, id: NodeId) -> Option<String> {
    let text = match tree.kind(id) {
        Kind::Str => tree.name(id).to_owned(),
        Kind::Interp | Kind::Tagged => tree
            .source(id)
            .trim_start_matches(|char: char| !char.is_alphabetic() || matches!(char, 'f' | 'r'))
            .to_owned(),
        Kind::Binary => tree
            .source(id)
            .trim_start_matches(['"', '\'', '`', 'f', 'r'])
            .to_owned(),
        Kind::Call if calls::name(tree, id) == "text" => return sql_of(tree, calls::arg(tree, id, 0)?),
        _ => return None,
    };
    let text = text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .to_ascii_lowercase();
    ["select ", "update ", "insert ", "delete ", "with "]
        .iter()
        .any(|word| text.starts_with(word))
        .then_some(text)
}

/// What keeps others from changing what was read, and words with `lock` in them that lock nothing.
const PROTECTS: &[&str] = &[
    "for_update",
    "for update",
    "pessimistic",
    "serializable",
    "mutex",
    "optimistic",
    "atomic_update",
    "semaphore",
    "runexclusive",
    "version",
    "if_match",
    "conditionexpression",
    "advisory",
    "for share",
    "compare_and",
    "watch(",
    "forupdate",
    "synchronize",
    "lock",
];
const LOCKS_NOTHING: &[&str] = &["block", "clock"];
static WORDS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(PROTECTS.iter().chain(LOCKS_NOTHING))
        .ok()
});

/// Where a file speaks of protection, and how.
pub(crate) type Said = (Range<usize>, Speaks);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    Protects,
    Locks,
    LocksNothing,
}

/// Whether a function speaks of anything that keeps others from changing what it has read.
pub fn is_protected(source: &Source, function: NodeId) -> bool {
    // What can not be looked for is taken to be there.
    let Some(words) = WORDS.as_ref() else {
        return true;
    };
    let said = source.said.get_or_init(|| {
        let speaks = |at: usize| match PROTECTS.get(at) {
            Some(&"lock") => Speaks::Locks,
            Some(_) => Speaks::Protects,
            None => Speaks::LocksNothing,
        };
        words
            .find_overlapping_iter(source.tree.text())
            .map(|one| (one.range(), speaks(one.pattern().as_usize())))
            .collect()
    });
    let span = source.tree.span(function);
    // They are found in the order of their ends.
    let first = said.partition_point(|(range, _)| range.end <= span.start);
    let within = said[first..]
        .iter()
        .take_while(|(range, _)| range.end <= span.end)
        .filter(|(range, _)| range.start >= span.start);
    let mut locks = 0;
    for (_, speaks) in within {
        match speaks {
            Speaks::Protects => return true,
            Speaks::Locks => locks += 1,
            Speaks::LocksNothing => locks -= 1,
        }
    }
    locks > 0
}

/// Whether a call writes what was changed: saves, commits or flushes it.
pub fn is_save(tree: &Tree, id: NodeId) -> bool {
    tree.kind(id) == Kind::Call
        && matches!(
            calls::name(tree, id),
            "save"
                | "commit"
                | "flush"
                | "asave"
                | "Save"
                | "update"
                | "put"
                | "merge"
                | "bulk_update"
                | "Commit"
                | "Update"
                | "persist"
                | "persistAndFlush"
                | "refresh"
                | "ReplaceOne"
                | "UpdateOne"
                | "UpdateByID"
                | "replaceOne"
                | "replace_one"
                | "put_item"
        )
}
