//! Whether code that destroys is there to undo, to test, or asks first.

use super::code::Code;
use super::words::has_word;
use crate::names::functions_around;
use crate::tree::{Kind, NodeId, Role};

/// Functions that undo what another has made, and are run for that alone.
const UNDOES: &[&str] = &[
    "down",
    "downgrade",
    "rollback",
    "revert",
    "reverse",
    "undo",
    "teardown",
    "uninstall",
    "backwards",
    "unapply",
];
const TESTS: &[&str] = &[
    "describe",
    "it",
    "test",
    "before",
    "after",
    "beforeEach",
    "afterEach",
    "beforeAll",
    "afterAll",
    "context",
    "suite",
];

/// Whether a place is part of a test or of a fixture, or in a function that undoes.
pub fn undoes_or_tests(code: Code<'_>, id: NodeId) -> bool {
    if code.source.is_test() {
        return true;
    }
    // Of each node, whether what lies in it is; a node comes before all that lie in it.
    let undoing = code.source.undoing.get_or_init(|| {
        let mut undoing: Vec<bool> = Vec::with_capacity(code.tree.len());
        for id in code.tree.all() {
            let around = code.tree.parent(id);
            let lies_in_one = around.is_some_and(|around| undoing[around.index()]);
            undoing.push(lies_in_one || begins_one(code, id));
        }
        undoing
    });
    code.tree.parent(id).is_some_and(|around| undoing[around.index()])
}

/// Whether what lies in a node is there to undo or to test.
fn begins_one(code: Code<'_>, around: NodeId) -> bool {
    match code.kind(around) {
        Kind::Function | Kind::Lambda => {
            let name = code.function_name(around);
            let begins = |word: &str| {
                name.get(..word.len())
                    .is_some_and(|begin| begin.eq_ignore_ascii_case(word))
            };
            has_word(name, UNDOES)
                || ["teardown", "test", "down_", "bench"].into_iter().any(begins)
                || name.eq_ignore_ascii_case("setup") && in_test_class(code, around)
                || code.tree.children_in(around, Role::Decorator).any(|decorator| {
                    code.mentions(decorator, |name| matches!(name, "fixture" | "pytest_fixture"))
                })
                || code.tree.children_in(around, Role::Param).any(|param| {
                    let ty = code.child(param, Role::Type).map_or("", |ty| code.name(ty));
                    matches!(ty, "*testing.T" | "*testing.B" | "*testing.M" | "testing.TB")
                })
        }
        Kind::Call => {
            code.tree.role(around) != Role::Callee
                && TESTS.contains(&code.called(around))
                && code.receiver(around).is_none()
        }
        Kind::Class => {
            let name = code.name(around);
            name.starts_with("Test")
                || name.ends_with("Test")
                || name.ends_with("TestCase")
                || name.ends_with("Tests")
        }
        _ => false,
    }
}

fn in_test_class(code: Code<'_>, function: NodeId) -> bool {
    code.tree
        .ancestors(function)
        .any(|around| code.kind(around) == Kind::Class && code.name(around).contains("Test"))
}

/// Whether the function that a place is in is this operation by its name, as `drop_all` and `truncateTable` are: the danger is where it is
/// called.
pub fn named_so(code: Code<'_>, id: NodeId) -> bool {
    const OPERATIONS: &[&str] = &[
        "wipe", "drop", "truncate", "flush", "flushall", "flushdb", "nuke", "destroy",
    ];
    const OBJECTS: &[&str] = &[
        "all",
        "table",
        "tables",
        "database",
        "databases",
        "db",
        "schema",
        "schemas",
        "collection",
        "collections",
        "index",
        "queue",
        "bucket",
        "if",
        "exists",
        "sync",
        "async",
        "keys",
        "column",
        "columns",
    ];
    functions_around(code.tree, id).any(|function| {
        let words = super::words::words(code.function_name(function));
        let is = |word: &String, list: &[&str]| list.contains(&word.as_str());
        words.first().is_some_and(|first| is(first, OPERATIONS))
            && words.iter().skip(1).all(|word| is(word, OBJECTS))
    })
}

/// Words of conditions that let something happen only where it is meant: in tests, on a developer's machine, when somebody said so.
const ASKS: &[&str] = &[
    "test",
    "testing",
    "tests",
    "debug",
    "development",
    "dev",
    "local",
    "env",
    "environment",
    "production",
    "prod",
    "confirm",
    "confirmed",
    "confirmation",
    "force",
    "forced",
    "yes",
    "answer",
    "proceed",
    "drop",
    "reset",
    "clean",
    "purge",
    "wipe",
    "overwrite",
    "recreate",
    "dry",
    "dryrun",
    "approved",
    "allow",
    "allowed",
    "really",
    "sure",
];

/// Whether a condition around a place, or one that leaves the function before it, asks whether it is meant.
pub fn asks_first(code: Code<'_>, id: NodeId) -> bool {
    let asks = |condition: NodeId| {
        code.tree.subtree(condition).any(|part| match code.kind(part) {
            Kind::Name | Kind::Member | Kind::Keyword => has_word(code.name(part), ASKS),
            Kind::Str => has_word(code.name(part), ASKS),
            _ => false,
        })
    };
    if code.conditions_around(id).into_iter().any(asks) {
        return true;
    }
    earlier_exits(code, id).into_iter().any(asks)
}

/// The conditions that leave the function before a place is reached: `if not x: return`, `assert x`.
pub fn earlier_exits(code: Code<'_>, id: NodeId) -> Vec<NodeId> {
    let scope = functions_around(code.tree, id).next().unwrap_or(NodeId::ROOT);
    let before = code.tree.span(id).start;
    code.tree
        .subtree(scope)
        .take_while(|other| code.tree.span(*other).start < before)
        .filter(|other| code.tree.span(*other).end <= before)
        .filter_map(|other| match code.kind(other) {
            Kind::If => {
                let body = code.child(other, Role::Body)?;
                let leaves = code.tree.subtree(body).any(|part| {
                    matches!(
                        code.kind(part),
                        Kind::Return | Kind::Raise | Kind::Continue | Kind::Break
                    ) || code.kind(part) == Kind::Call
                        && matches!(
                            code.called(part),
                            "exit" | "abort" | "Exit" | "Fatal" | "Fatalf" | "panic" | "fail"
                        )
                });
                leaves.then(|| code.child(other, Role::Condition))?
            }
            Kind::Assert => code.child(other, Role::Condition),
            Kind::ExprStmt => {
                let call = code.child(other, Role::Value)?;
                (code.kind(call) == Kind::Call
                    && matches!(
                        code.called(call),
                        "confirm" | "assert" | "invariant" | "strictEqual" | "ok" | "check"
                    ))
                .then_some(call)
            }
            _ => None,
        })
        .collect()
}

/// Whether the file is a migration, by its path or by what it defines.
pub fn is_migration(code: Code<'_>) -> bool {
    let path = code.source.path.to_ascii_lowercase();
    path.contains("migration")
        || path.contains("alembic/")
        || path.contains("/migrate/")
        || code.source.of_kind(Kind::Import).iter().any(|import| {
            let name = code.name(*import);
            name == "alembic"
                || name.starts_with("alembic.")
                || name == "django.db"
                    && code
                        .tree
                        .children(*import)
                        .any(|item| code.name(item) == "migrations")
        })
        || code.source.of_kind(Kind::Class).iter().any(|class| {
            code.tree
                .children_in(*class, Role::Base)
                .any(|base| code.name(base) == "Migration" || code.name(base) == "MigrationInterface")
        })
        || defines_up_and_down(code)
}

fn defines_up_and_down(code: Code<'_>) -> bool {
    let mut functions = code.source.of_kind(Kind::Function).to_vec();
    functions.extend_from_slice(code.source.of_kind(Kind::Lambda));
    let defines = |wanted: &str| {
        functions
            .iter()
            .any(|function| code.function_name(*function).eq_ignore_ascii_case(wanted))
    };
    defines("up") && defines("down")
}
