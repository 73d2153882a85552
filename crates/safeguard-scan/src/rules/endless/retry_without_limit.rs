//! Attempts that are repeated until one succeeds, however often that is.

mod options;
mod recursion;
mod removed;

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls, change, loops, reach};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId, Role, Tree};

pub use options::OPTIONS;
use recursion::{after_bad_answer, by_recursion, go_recursion, in_catch_callback};
pub use removed::COMPARISON;

pub static CHECK: Check = Check {
    id: "retry-without-limit",
    failure: "X2",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-835", "CWE-674"],
    languages: ALL_LANGUAGES,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    for id in loops::conditional(source) {
        if source.tree.language() == Language::Go {
            go_loop(source, id, reports);
        } else {
            try_loop(source, id, reports);
        }
    }
    for id in source.of_kind(Kind::Catch) {
        by_recursion(source, *id, reports);
    }
    for id in source.of_kind(Kind::Call) {
        in_catch_callback(source, *id, reports);
    }
    for id in source.of_kind(Kind::If) {
        go_recursion(source, *id, reports);
        after_bad_answer(source, *id, reports);
    }
}

/// `while True: try: … return … except Exception: continue`.
fn try_loop(source: &Source, id: NodeId, reports: &mut Reports) {
    let tree = &source.tree;
    let flag = condition_flag(tree, id);
    if !loops::is_endless(tree, id) && flag.is_none() {
        return;
    }
    let Some(body) = tree.child(id, Role::Body) else {
        return;
    };
    let tries: Vec<NodeId> = tree
        .children(body)
        .filter(|statement| tree.kind(*statement) == Kind::Try)
        .collect();
    let exits = loops::exits(source, id);
    for attempt in tries {
        let Some(tried) = tree.child(attempt, Role::Body) else {
            continue;
        };
        let tried_nodes = bodies::running(tree, tried);
        // It is a retry if success leaves the loop, and an error does not.
        let succeeds = exits.iter().any(|exit| !in_handler(tree, *exit, id))
            || flag.is_some_and(|flag| change::set(tree, &tried_nodes).contains(flag));
        let handlers: Vec<NodeId> = tree.children_in(attempt, Role::Handler).collect();
        let swallows = handlers.iter().any(|handler| {
            let nodes = bodies::running(tree, *handler);
            catches_failures(tree, *handler) && !exits.iter().any(|exit| nodes.contains(exit))
        });
        let limited =
            counts(source, id, body) || asks_a_person(source, &tried_nodes) || watches_the_clock(source, id);
        let does_something = tried_nodes.iter().any(|id| is_far(source, *id));
        if !succeeds || !swallows || limited || !does_something {
            continue;
        }
        if reach::any_waits(source, id) {
            reports.note(
                id,
                "this is tried again for as long as it fails; nothing limits how often",
            );
        } else {
            reports.add(
                id,
                "this is tried again at once for as long as it fails, without a limit and without a pause",
            );
        }
        return;
    }
}

/// Whether a handler catches every error, or the family of those that a far end which is down makes.
fn catches_failures(tree: &Tree, handler: NodeId) -> bool {
    const FAMILIES: &[&str] = &[
        "RequestException",
        "ConnectionError",
        "ConnectTimeout",
        "Timeout",
        "TimeoutError",
        "HTTPError",
        "OSError",
        "IOError",
        "URLError",
        "ClientError",
        "TransportError",
        "RequestError",
        "ConnectError",
        "NetworkError",
        "OperationalError",
        "BotoCoreError",
        "RpcError",
        "SMTPException",
        "RedisError",
        "AMQPConnectionError",
        "InterfaceError",
        "DatabaseError",
        "ServiceUnavailable",
        "ClientConnectionError",
        "ConnectionRefusedError",
        "ConnectionResetError",
        "HTTPStatusError",
        "KafkaError",
        "AmqpException",
        "ConnectException",
        "DataAccessException",
        "FeignException",
        "HttpClientErrorException",
        "HttpServerErrorException",
        "IOException",
        "KafkaException",
        "ResourceAccessException",
        "RestClientException",
        "RetryableException",
        "SQLException",
        "SocketTimeoutException",
        "StatusRuntimeException",
        "WebClientRequestException",
        "WebClientResponseException",
        "RateLimitError",
        "APIError",
        "APIConnectionError",
        "error",
    ];
    loops::catches_all(tree, handler)
        || tree.children_in(handler, Role::Type).any(|type_| {
            tree.subtree(type_).any(|id| {
                matches!(tree.kind(id), Kind::Name | Kind::Member) && FAMILIES.contains(&tree.name(id))
            })
        })
}

/// The one name that a loop waits for: `while not connected`, `while (!done)`.
fn condition_flag(tree: &Tree, id: NodeId) -> Option<&str> {
    let condition = tree.child(id, Role::Condition)?;
    let value = match tree.kind(condition) {
        Kind::Unary if tree.name(condition) == "not" => tree.child(condition, Role::Value)?,
        Kind::Binary if matches!(tree.name(condition), "is" | "==" | "===") => {
            let right = tree.child(condition, Role::Right)?;
            matches!(tree.kind(right), Kind::Null | Kind::Bool).then_some(())?;
            tree.child(condition, Role::Left)?
        }
        _ => return None,
    };
    (tree.kind(value) == Kind::Name).then(|| tree.name(value))
}

fn in_handler(tree: &Tree, id: NodeId, within: NodeId) -> bool {
    tree.ancestors(id)
        .take_while(|around| *around != within)
        .any(|around| tree.kind(around) == Kind::Catch)
}

/// Whether something counts the rounds, or decides otherwise when to give up.
pub(super) fn counts(source: &Source, id: NodeId, body: NodeId) -> bool {
    let tree = &source.tree;
    if tree.child(id, Role::Update).is_some() {
        return true;
    }
    let nodes = loops::round(tree, id);
    let counters = nodes.iter().filter(|id| {
        tree.kind(**id) == Kind::Assign
            && (matches!(tree.name(**id), "+=" | "-=")
                || tree.child(**id, Role::Value).is_some_and(|value| {
                    tree.kind(value) == Kind::Binary && matches!(tree.name(value), "+" | "-")
                }))
    });
    let counted = change::set(tree, &counters.copied().collect::<Vec<_>>());
    let compares = nodes.iter().any(|id| {
        let named = |at: NodeId| {
            tree.subtree(at)
                .any(|id| tree.kind(id) == Kind::Name && counted.contains(tree.name(id)))
        };
        match tree.kind(*id) {
            Kind::If | Kind::Conditional => tree.child(*id, Role::Condition).is_some_and(named),
            _ => false,
        }
    });
    // An error that is told apart, and then thrown on.
    let gives_up = bodies::running(tree, body).iter().any(|id| {
        tree.kind(*id) == Kind::Catch
            && bodies::running(tree, *id)
                .iter()
                .any(|id| matches!(tree.kind(*id), Kind::Raise | Kind::Return | Kind::Break))
    });
    compares || gives_up
}

pub(super) fn watches_the_clock(source: &Source, id: NodeId) -> bool {
    let tree = &source.tree;
    loops::round(tree, id).iter().any(|id| {
        let condition = match tree.kind(*id) {
            Kind::If => tree.child(*id, Role::Condition),
            _ => None,
        };
        condition.is_some_and(|condition| {
            let text = tree.source(condition).to_ascii_lowercase();
            [
                "time", "deadline", "now", "elapsed", "stop", "cancel", "closed", "aborted", "shutdown",
            ]
            .iter()
            .any(|word| text.contains(word))
        })
    })
}

/// Whether a person answers, or a queue: then each round has its own reason.
fn asks_a_person(source: &Source, nodes: &[NodeId]) -> bool {
    nodes.iter().any(|id| {
        source.tree.kind(*id) == Kind::Call
            && (matches!(
                calls::path(source, *id).as_str(),
                "input"
                    | "raw_input"
                    | "getpass.getpass"
                    | "prompt"
                    | "readline"
                    | "click.prompt"
                    | "questionary.text"
            ) || matches!(
                calls::name(&source.tree, *id),
                "get_nowait"
                    | "prompt"
                    | "readline"
                    | "question"
                    | "accept"
                    | "recv"
                    | "choice"
                    | "randint"
                    | "next"
                    | "pop"
                    | "popleft"
            ))
    })
}

/// Whether a node speaks with something that may fail for long: over the network, with a database, or awaited.
pub(super) fn is_far(source: &Source, id: NodeId) -> bool {
    const STARTS: &[&str] = &[
        "requests.",
        "httpx.",
        "urllib.",
        "aiohttp.",
        "socket.",
        "psycopg2.",
        "psycopg.",
        "pymysql.",
        "mysql.",
        "redis.",
        "pika.",
        "boto3.",
        "axios",
        "fetch",
        "http.",
        "https.",
        "sqlite3.",
        "asyncpg.",
        "grpc.",
        "smtplib.",
        "kafka.",
        "net.",
        "sql.",
        "subprocess.",
        "pgx.",
        "amqp.",
        "nats.",
    ];
    let tree = &source.tree;
    match tree.kind(id) {
        Kind::Await => true,
        Kind::Call => {
            let path = calls::path(source, id);
            let begins = |start: &&str| calls::name(tree, id).to_ascii_lowercase().starts_with(*start);
            if tree.language() == Language::Go
                && calls::receiver(tree, id).is_some()
                && [
                    "fetch", "list", "call", "request", "send", "publish", "dial", "connect",
                ]
                .iter()
                .any(begins)
            {
                return true;
            }
            STARTS.iter().any(|start| path.starts_with(start))
                || matches!(
                    calls::name(tree, id),
                    "connect"
                        | "execute"
                        | "request"
                        | "send"
                        | "post"
                        | "fetch"
                        | "query"
                        | "commit"
                        | "publish"
                        | "save"
                        | "charge"
                        | "upload"
                        | "download"
                        | "call_api"
                        | "send_message"
                        | "acquire"
                        | "Connect"
                        | "Dial"
                        | "Ping"
                        | "Do"
                        | "Post"
                        | "Exec"
                        | "Query"
                        | "Publish"
                        | "Send"
                )
        }
        _ => false,
    }
}

/// Go: `for { x, err := f(); if err != nil { continue }; return x }`.
fn go_loop(source: &Source, id: NodeId, reports: &mut Reports) {
    let tree = &source.tree;
    if !loops::is_endless(tree, id) {
        return;
    }
    let Some(body) = tree.child(id, Role::Body) else {
        return;
    };
    let exits = loops::exits(source, id);
    let nodes = loops::round(tree, id);
    if exits.is_empty()
        || counts(source, id, body)
        || asks_a_person(source, &nodes)
        || nodes.iter().any(|id| {
            matches!(tree.kind(*id), Kind::Select) || tree.kind(*id) == Kind::Unary && tree.name(*id) == "<-"
        })
    {
        return;
    }
    let mut attempts = nodes
        .iter()
        .filter(|id| tree.kind(**id) == Kind::Call && is_far(source, **id));
    if attempts.next().is_none() || watches_the_clock(source, id) {
        return;
    }
    let statements: Vec<NodeId> = tree.children(body).collect();
    let asks_for_error = |id: NodeId| {
        tree.kind(id) == Kind::If
            && !is_no_error(tree, id, "==")
            && tree.child(id, Role::Condition).is_some_and(|condition| {
                tree.subtree(condition).any(|part| {
                    tree.kind(part) == Kind::Name && tree.name(part).to_ascii_lowercase().contains("err")
                })
            })
    };
    let error_leaves = nodes
        .iter()
        .any(|id| asks_for_error(*id) && exits.iter().any(|exit| tree.within(*exit, *id)));
    let exits_on_success = exits.iter().any(|exit| {
        !tree
            .ancestors(*exit)
            .take_while(|around| *around != body)
            .any(asks_for_error)
    });
    if !exits_on_success || error_leaves {
        return;
    }
    let goes_on = statements.iter().any(|statement| {
        tree.kind(*statement) == Kind::If
            && (is_no_error(tree, *statement, "==")
                || is_no_error(tree, *statement, "!=")
                    && bodies::running(tree, *statement)
                        .iter()
                        .any(|id| tree.kind(*id) == Kind::Continue))
    });
    if !goes_on {
        return;
    }
    if reach::any_waits(source, id) {
        reports.note(
            id,
            "this is tried again for as long as it fails; nothing limits how often",
        );
    } else {
        reports.add(
            id,
            "this is tried again at once for as long as it fails, without a limit and without a pause",
        );
    }
}

/// `if err == nil`, or `!=`.
fn is_no_error(tree: &Tree, id: NodeId, operator: &str) -> bool {
    tree.child(id, Role::Condition).is_some_and(|condition| {
        tree.kind(condition) == Kind::Binary
            && tree.name(condition) == operator
            && tree
                .child(condition, Role::Right)
                .is_some_and(|right| tree.kind(right) == Kind::Null)
            && tree
                .child(condition, Role::Left)
                .is_some_and(|left| tree.name(left).to_ascii_lowercase().contains("err"))
    })
}
