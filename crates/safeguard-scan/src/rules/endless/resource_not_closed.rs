//! What is taken from a pool or opened, and not given back on every way out.

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls, loops};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, EVERY_LANGUAGE, Reports};
use crate::tree::{Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "resource-not-closed",
    failure: "X2",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-772", "CWE-404"],
    languages: EVERY_LANGUAGE,
    run,
};

/// What was taken.
struct Taken {
    /// The calls that give it back.
    gives_back: &'static [&'static str],
    what: &'static str,
    /// Whether it stays taken until it is given back, whatever the language's memory management does.
    sure: bool,
}

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    for id in source.of_kind(Kind::Assign).iter().copied() {
        let Some(call) = tree.child(id, Role::Value).and_then(|value| called(tree, value)) else {
            continue;
        };
        if let Some(taken) = taken(source, call) {
            assigned(source, id, call, &taken, reports);
        }
    }
    for id in source.of_kind(Kind::Defer).iter().copied() {
        deferred(source, id, reports);
    }
}

fn called(tree: &Tree, value: NodeId) -> Option<NodeId> {
    match tree.kind(value) {
        Kind::Call | Kind::New => Some(value),
        Kind::Await => called(tree, tree.child(value, Role::Value)?),
        _ => None,
    }
}

fn taken(source: &Source, call: NodeId) -> Option<Taken> {
    let tree = &source.tree;
    let name = calls::name(tree, call);
    let path = calls::path(source, call);
    let receiver = calls::receiver(tree, call)
        .map_or("", |receiver| tree.source(receiver))
        .to_ascii_lowercase();
    let from_pool = receiver.contains("pool");
    match tree.language() {
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            let awaited = tree
                .parent(call)
                .is_some_and(|parent| tree.kind(parent) == Kind::Await);
            (from_pool && awaited && matches!(name, "connect" | "getConnection" | "acquire")).then_some(
                Taken {
                    gives_back: &["release", "end", "destroy", "close"],
                    what: "connection",
                    sure: true,
                },
            )
        }
        Language::Python => {
            if from_pool
                && matches!(name, "getconn" | "acquire" | "get_connection" | "connection")
                && tree
                    .parent(call)
                    .is_none_or(|parent| tree.kind(parent) != Kind::WithItem)
            {
                return Some(Taken {
                    gives_back: &["putconn", "release", "close", "release_connection"],
                    what: "connection",
                    sure: name != "connection",
                });
            }
            let database = matches!(
                path.as_str(),
                "psycopg2.connect"
                    | "pymysql.connect"
                    | "MySQLdb.connect"
                    | "mysql.connector.connect"
                    | "sqlite3.connect"
                    | "psycopg.connect"
                    | "asyncpg.connect"
                    | "aiohttp.ClientSession"
            );
            (database || path == "open").then_some(Taken {
                gives_back: &["close", "closing", "aclose", "terminate"],
                what: if database { "connection" } else { "file" },
                sure: path == "asyncpg.connect",
            })
        }
        Language::Go => {
            if matches!(
                path.as_str(),
                "http.Get" | "http.Post" | "http.PostForm" | "http.DefaultClient.Do"
            ) || name == "Do" && receiver.contains("client") && calls::args(tree, call).count() == 1
                || matches!(name, "Do" | "Get" | "Head" | "PostForm")
                    && (receiver.ends_with(".http") || receiver.ends_with("httpclient"))
                    && calls::args(tree, call).count() <= 2
            {
                return Some(Taken {
                    gives_back: &["Close"],
                    what: "response",
                    sure: true,
                });
            }
            let database = ["db", "tx", "conn", "pool", "store", "sql"]
                .iter()
                .any(|part| receiver.contains(part));
            if matches!(name, "Query" | "QueryContext" | "Queryx" | "QueryxContext")
                && database
                && calls::args(tree, call).count() > 0
            {
                return Some(Taken {
                    gives_back: &["Close"],
                    what: "result",
                    sure: true,
                });
            }
            matches!(path.as_str(), "os.Open" | "os.Create" | "os.OpenFile").then_some(Taken {
                gives_back: &["Close"],
                what: "file",
                sure: false,
            })
        }
        Language::Dockerfile
        | Language::Hcl
        | Language::Java
        | Language::Rust
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => None,
    }
}

fn assigned(source: &Source, id: NodeId, call: NodeId, taken: &Taken, reports: &mut Reports) {
    let tree = &source.tree;
    let Some(function) = bodies::enclosing(tree, id) else {
        return;
    };
    let Some(target) = tree.child(id, Role::Target) else {
        return;
    };
    let target = match tree.kind(target) {
        Kind::Name => target,
        Kind::Tuple => match tree.children(target).next() {
            Some(first) if tree.kind(first) == Kind::Name => first,
            _ => return,
        },
        _ => return,
    };
    let name = tree.name(target);
    if name == "_" || keeps_or_passes(source, function, id, name, taken) {
        return;
    }
    let given_back: Vec<NodeId> = tree
        .subtree(function)
        .filter(|at| {
            let gives = match tree.kind(*at) {
                Kind::Call => {
                    taken.gives_back.contains(&calls::name(tree, *at))
                        && (calls::receiver(tree, *at)
                            .and_then(|receiver| calls::root(tree, receiver))
                            .is_some_and(|root| tree.name(root) == name)
                            || calls::args(tree, *at)
                                .any(|arg| tree.kind(arg) == Kind::Name && tree.name(arg) == name))
                }
                // `with conn:` or `with closing(conn)`, and Go's `defer rows.Close()` is a call too.
                Kind::WithItem => tree.child(*at, Role::Value).is_some_and(|value| {
                    let is_it = |id: NodeId| tree.kind(id) == Kind::Name && tree.name(id) == name;
                    is_it(value) && !from_pool(tree, call)
                        || tree.kind(value) == Kind::Call
                            && calls::name(tree, value).ends_with("closing")
                            && calls::args(tree, value).any(is_it)
                }),
                _ => false,
            };
            gives && *at > id
        })
        .collect();
    if given_back.is_empty() {
        let message = format!("the {} `{name}` is never given back", taken.what);
        if taken.sure {
            reports.add(call, message);
        } else {
            reports.note(call, message);
        }
        return;
    }
    if !taken.sure {
        return;
    }
    if let Some(exit) = leaves_with(source, function, id, name, &given_back) {
        reports.add(
            exit,
            format!(
                "this leaves without giving back the {} `{name}`, which is only given back further down",
                taken.what
            ),
        );
        return;
    }
    if tree.language() == Language::Go {
        return;
    }
    let safe = given_back.iter().any(|at| {
        tree.kind(*at) == Kind::WithItem
            || tree
                .ancestors(*at)
                .take_while(|around| *around != function)
                .any(|around| {
                    tree.role(around) == Role::Finally
                        || matches!(tree.kind(around), Kind::Catch | Kind::Lambda)
                })
    });
    let first = given_back.iter().min().copied().unwrap_or(call);
    let may_fail = tree.subtree(function).any(|at| {
        at > id
            && at < first
            && !tree.within(at, id)
            && tree.kind(at) == Kind::Await
            && !tree.within(first, at)
    });
    if !safe && may_fail {
        reports.add(
            call,
            format!(
                "the {} `{name}` is not given back when something fails before the end",
                taken.what
            ),
        );
    }
}

/// A way out between the taking and the giving back, on which nothing gives back.
fn leaves_with(
    source: &Source,
    function: NodeId,
    id: NodeId,
    name: &str,
    given_back: &[NodeId],
) -> Option<NodeId> {
    let tree = &source.tree;
    let home = tree.parent(id)?;
    // A `finally` or a `with` around gives back on every way; what a callback gives back is not on any.
    let elsewhere = given_back.iter().any(|at| {
        tree.kind(*at) == Kind::WithItem
            || tree
                .ancestors(*at)
                .take_while(|around| *around != function)
                .any(|around| {
                    tree.role(around) == Role::Finally
                        || matches!(tree.kind(around), Kind::Lambda | Kind::Function | Kind::Catch)
                })
    });
    if elsewhere {
        return None;
    }
    bodies::body(tree, function).into_iter().find(|exit| {
        *exit > id
            && !tree.within(*exit, id)
            && matches!(tree.kind(*exit), Kind::Return | Kind::Raise)
            && tree.within(*exit, home)
            && given_back.iter().any(|at| at > exit && !tree.within(*at, *exit))
            && !given_back.iter().any(|at| {
                at < exit
                    && tree
                        .parent(crate::analysis::reach::statement(tree, *at))
                        .is_some_and(|block| tree.within(*exit, block))
                    || tree.within(*at, *exit)
            })
            && !says_it_failed(source, id, *exit, name)
    })
}

/// Whether a way out is for when there was nothing to take: `if conn is None`, `if err != nil` right behind.
fn says_it_failed(source: &Source, id: NodeId, exit: NodeId, name: &str) -> bool {
    let tree = &source.tree;
    let others: Vec<&str> = tree
        .children_in(id, Role::Target)
        .flat_map(|target| tree.subtree(target).collect::<Vec<_>>())
        .filter(|part| tree.kind(*part) == Kind::Name && tree.name(*part) != name)
        .map(|part| tree.name(part))
        .collect();
    let home = tree.parent(id);
    let next = home.and_then(|home| tree.children(home).find(|statement| *statement > id));
    tree.ancestors(exit)
        .take_while(|around| Some(*around) != home)
        .filter(|around| tree.kind(*around) == Kind::If)
        .any(|branch| {
            let condition = tree.child(branch, Role::Condition);
            let mentions = |wanted: &dyn Fn(&str) -> bool| {
                condition.is_some_and(|condition| {
                    tree.subtree(condition)
                        .any(|part| tree.kind(part) == Kind::Name && wanted(tree.name(part)))
                })
            };
            let is_it = condition.is_some_and(|condition| match tree.kind(condition) {
                Kind::Unary | Kind::Binary => tree
                    .children(condition)
                    .any(|part| tree.kind(part) == Kind::Name && tree.name(part) == name),
                _ => false,
            });
            is_it || Some(branch) == next && mentions(&|part| others.contains(&part))
        })
}

/// Whether a connection stays the pool's; `with` on it ends its transaction only.
fn from_pool(tree: &Tree, call: NodeId) -> bool {
    calls::name(tree, call) == "getconn"
}

/// Whether somebody else has it too, and may give it back: it is returned, passed on, or kept.
fn keeps_or_passes(source: &Source, function: NodeId, id: NodeId, name: &str, taken: &Taken) -> bool {
    const READERS: &[&str] = &[
        "NewScanner",
        "NewReader",
        "NewDecoder",
        "ReadAll",
        "Copy",
        "NewWriter",
        "NewEncoder",
        "Fprintf",
        "Fprintln",
        "load",
        "dump",
        "reader",
        "writer",
        "DictReader",
        "DictWriter",
        "print",
        "len",
        "isinstance",
        "DumpResponse",
        "Errorf",
        "Println",
        "Printf",
        "log",
        "read_csv",
        "register_adapter",
        "register_vector",
        "register_uuid",
    ];
    let tree = &source.tree;
    tree.subtree(function).any(|at| {
        if at < id || tree.within(at, id) || tree.kind(at) != Kind::Name || tree.name(at) != name {
            return false;
        }
        let Some(parent) = tree.parent(at) else {
            return false;
        };
        match tree.kind(parent) {
            Kind::Return
            | Kind::Yield
            | Kind::Tuple
            | Kind::List
            | Kind::Pair
            | Kind::Object
            | Kind::Composite
            | Kind::Keyword
            | Kind::Send => true,
            Kind::Assign => tree.role(at) == Role::Value,
            Kind::Call | Kind::New => {
                let called = calls::name(tree, parent);
                tree.role(at) == Role::Arg
                    && !READERS.contains(&called)
                    && !taken.gives_back.contains(&called)
            }
            Kind::Unary => tree.name(parent) == "&",
            // An arrow function's value.
            Kind::Lambda => true,
            _ => false,
        }
    })
}

/// `defer` in a loop is done at the end of the function, not of the round.
fn deferred(source: &Source, id: NodeId, reports: &mut Reports) {
    let tree = &source.tree;
    let Some(call) = tree
        .child(id, Role::Value)
        .filter(|value| tree.kind(*value) == Kind::Call)
    else {
        return;
    };
    let Some(around) = loops::around(tree, id).into_iter().next() else {
        return;
    };
    // A loop that is left in its first round.
    let leaves = tree
        .child(around, Role::Body)
        .and_then(|body| tree.children(body).last())
        .is_some_and(|last| matches!(tree.kind(last), Kind::Return | Kind::Break));
    if leaves {
        return;
    }
    match calls::name(tree, call) {
        "Unlock" | "RUnlock" => {
            let receiver = calls::receiver(tree, call).map_or("", |receiver| tree.source(receiver));
            let root = calls::receiver(tree, call).and_then(|receiver| calls::root(tree, receiver));
            let set = crate::analysis::change::set(tree, &bodies::running(tree, around));
            if root.is_some_and(|root| set.contains(tree.name(root))) {
                reports.note(
                    id,
                    format!("`{receiver}` is unlocked at the end of the function, not of the round"),
                );
                return;
            }
            reports.add(id, format!("`{receiver}` is unlocked at the end of the function, and the next round waits for it for ever"));
        }
        "Close" => reports.note(
            id,
            "this is closed at the end of the function: each round of the loop keeps another one open",
        ),
        _ => {}
    }
}
