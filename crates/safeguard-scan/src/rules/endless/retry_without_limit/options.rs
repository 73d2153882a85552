//! Libraries that are told to try again without a limit, or are not told one and then have none.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::settings::{Setting, settings};
use crate::analysis::words::has_word;
use crate::analysis::{bodies, loops};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static OPTIONS: Check = Check {
    id: "retry-without-limit",
    failure: "X2",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-835", "CWE-674"],
    languages: ALL_LANGUAGES,
    run,
};

/// How many attempts are as good as no limit.
const MANY: u64 = 100_000;

/// What is meant to go on for as long as the program runs.
const LASTING: &[&str] = &[
    "connect",
    "connection",
    "reconnect",
    "subscribe",
    "subscription",
    "subscriber",
    "listen",
    "listener",
    "watch",
    "watcher",
    "stream",
    "streaming",
    "consume",
    "consumer",
    "daemon",
    "supervise",
    "supervisor",
    "wait",
    "ready",
    "health",
    "startup",
    "follow",
    "tail",
    "lease",
    "leader",
    "heartbeat",
    "socket",
    "websocket",
    "kafka",
    "redis",
    "mqtt",
    "amqp",
    "nats",
];

const TOLD: &str = "nothing limits how often this is tried again: what always fails is tried for ever";

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    if source.is_test() {
        return;
    }
    let code = Code::of(source);
    let mut tell = |node: NodeId, sure: bool| {
        if undoes_or_tests(code, node) {
            return;
        }
        if sure && !is_lasting(code, node) {
            reports.add(node, TOLD);
        } else {
            reports.note(node, TOLD);
        }
    };
    match code.tree.language() {
        Language::Python => {
            for function in source.of_kind(Kind::Function).iter().copied() {
                for decorator in code.tree.children_in(function, Role::Decorator) {
                    let Some(value) = code.child(decorator, Role::Value) else {
                        continue;
                    };
                    if code.kind(value) != Kind::Call
                        && let Some(sure) = python(code, project, &code.path_of(value), None)
                    {
                        tell(decorator, sure);
                    }
                    if let Some(sure) = celery(code, function, value) {
                        tell(value, sure);
                    }
                }
            }
            for class in source.of_kind(Kind::Class).iter().copied() {
                if let Some((node, sure)) = celery_class(code, class) {
                    tell(node, sure);
                }
            }
            for call in code.calls() {
                if let Some(sure) = python(code, project, code.path(call), Some(call)) {
                    tell(call, sure);
                }
            }
        }
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            for setting in settings(code) {
                if let Some(sure) = javascript_option(code, setting) {
                    tell(setting.node, sure);
                }
            }
            for call in code.calls() {
                if code.called(call) == "retry"
                    && code.args(call).is_empty()
                    && code.imports("rxjs")
                    && is_in_pipe(code, call)
                {
                    tell(call, !code.tree.text().contains("ebSocket"));
                }
            }
        }
        Language::Go => {
            for call in code.calls() {
                if let Some(sure) = go(code, call) {
                    tell(call, sure);
                }
            }
            for setting in settings(code) {
                if setting.name == "RetryMax" && is_many(code, setting.value) {
                    tell(setting.node, true);
                }
            }
        }
        Language::Java => {
            for call in code.calls() {
                if let Some(sure) = java(code, call) {
                    tell(call, sure);
                }
            }
        }
        Language::Rust => {
            for call in code.calls() {
                if rust(code, call) {
                    tell(call, true);
                }
            }
        }
        Language::Dockerfile
        | Language::Hcl
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => {}
    }
}

fn is_lasting(code: Code<'_>, node: NodeId) -> bool {
    // Beside it stands how long it waits for a connection: `{ minReconnectionDelay: 1000, maxRetries: Infinity }`.
    let beside = code
        .tree
        .ancestors(node)
        .find(|around| code.kind(*around) == Kind::Object)
        .is_some_and(|object| {
            code.tree
                .children(object)
                .filter_map(|pair| code.key(pair))
                .any(|key| has_word(key, &["reconnect", "reconnection"]))
        });
    beside
        || code.names_around(node).iter().any(|name| has_word(name, LASTING))
        || code
            .tree
            .ancestors(node)
            .filter(|around| code.is_call(*around))
            .take(2)
            .any(|call| has_word(code.called(call), LASTING))
}

/// Whether a number of attempts is none: infinity, the largest number there is, or one that nobody lives to see.
fn is_many(code: Code<'_>, value: NodeId) -> bool {
    let value = code.literal(code.bare(value));
    match code.kind(value) {
        Kind::Name | Kind::Member => matches!(
            code.name(value),
            "Infinity"
                | "POSITIVE_INFINITY"
                | "MAX_SAFE_INTEGER"
                | "MAX_VALUE"
                | "MAX"
                | "MaxInt"
                | "MaxInt32"
                | "MaxInt64"
                | "MaxUint32"
                | "MaxUint64"
                | "inf"
                | "maxsize"
        ),
        Kind::Num => code.number(value).is_some_and(|number| number >= MANY),
        _ => false,
    }
}

/// `-1`, where that is what a library takes for no limit.
fn is_minus_one(code: Code<'_>, value: NodeId) -> bool {
    code.tree.source(value).replace(' ', "") == "-1"
}

fn is_given(code: Code<'_>, call: NodeId, name: &str) -> bool {
    code.option(call, name).is_some_and(|value| !code.is_null(value))
}

fn names_every_error(code: Code<'_>, value: NodeId) -> bool {
    code.mentions(value, |name| matches!(name, "Exception" | "BaseException"))
}

/// Decorators and calls of Python's libraries; `call` is none for a decorator without parentheses. Whether it is sure.
fn python(code: Code<'_>, project: &Project, path: &str, call: Option<NodeId>) -> Option<bool> {
    let given = |name: &str| call.is_some_and(|call| is_given(code, call, name));
    let any_given = |names: &[&str]| names.iter().any(|name| given(name));
    let args = call.map_or(0, |call| code.args(call).len());
    let arg = |at: usize| call.and_then(|call| code.arg(call, at));
    let spread = call.is_some_and(|call| {
        code.tree
            .children_in(call, Role::Arg)
            .any(|arg| code.kind(arg) == Kind::Spread)
    });
    if spread {
        return None;
    }
    match path {
        "tenacity.retry" | "tenacity.Retrying" | "tenacity.AsyncRetrying" => {
            let never = call
                .and_then(|call| code.option(call, "stop"))
                .is_none_or(|stop| code.last_name(stop) == "stop_never");
            // `@retry` of a function that is handed over.
            let wraps = args > 0;
            (never && !wraps).then(|| !(given("retry") && given("wait")))
        }
        "retry.retry" | "retry.api.retry" | "retry.retry_call" | "retry.api.retry_call" => {
            if project.has_python_name("retry") {
                return None;
            }
            let (at_errors, at_tries) = if path.ends_with("_call") { (3, 4) } else { (0, 1) };
            let tries = call
                .and_then(|call| code.option(call, "tries"))
                .or_else(|| arg(at_tries));
            if tries.is_some_and(|tries| !is_minus_one(code, tries)) {
                return None;
            }
            let errors = call
                .and_then(|call| code.option(call, "exceptions"))
                .or_else(|| arg(at_errors));
            Some(errors.is_none_or(|errors| names_every_error(code, errors)) || !given("delay"))
        }
        "retrying.retry" => {
            let limited = any_given(&["stop_max_attempt_number", "stop_max_delay", "stop_func", "stop"]);
            (!limited && args == 0).then(|| {
                !any_given(&[
                    "wait_fixed",
                    "wait_random_min",
                    "wait_incrementing_start",
                    "wait_exponential_multiplier",
                    "wait_func",
                    "retry_on_exception",
                ])
            })
        }
        "backoff.on_exception" => {
            let errors = arg(1).or_else(|| code.option(call?, "exception"))?;
            (!any_given(&["max_tries", "max_time"]) && args < 3)
                .then(|| names_every_error(code, errors) && !given("giveup"))
        }
        "stamina.retry" | "stamina.retry_context" => {
            let none = |name: &str| {
                code.option(call?, name)
                    .map(|value| code.kind(value) == Kind::Null)
            };
            let on = code.option(call?, "on")?;
            (none("attempts") == Some(true) && none("timeout") == Some(true))
                .then(|| names_every_error(code, on))
        }
        _ => None,
    }
}

/// `@shared_task(bind=True, max_retries=None)`, and the task asks to be run again.
fn celery(code: Code<'_>, function: NodeId, decorator: NodeId) -> Option<bool> {
    if code.kind(decorator) != Kind::Call
        || !matches!(code.called(decorator), "task" | "shared_task" | "periodic_task")
    {
        return None;
    }
    let limit = code.option(decorator, "max_retries")?;
    if code.kind(limit) != Kind::Null {
        return None;
    }
    let body = code.body(function)?;
    let by_itself = code.option(decorator, "autoretry_for");
    asks_again(code, body, by_itself)
}

/// A task that is a class, with `max_retries = None`.
fn celery_class(code: Code<'_>, class: NodeId) -> Option<(NodeId, bool)> {
    let is_task = code
        .tree
        .children_in(class, Role::Base)
        .any(|base| code.last_name(base).ends_with("Task"));
    let body = code.body(class).filter(|_| is_task)?;
    let set = |name: &str| {
        code.tree
            .children(body)
            .find(|one| {
                code.kind(*one) == Kind::Assign
                    && code
                        .child(*one, Role::Target)
                        .is_some_and(|target| code.name(target) == name)
            })
            .and_then(|one| Some((one, code.child(one, Role::Value)?)))
    };
    let (node, limit) = set("max_retries")?;
    if code.kind(limit) != Kind::Null {
        return None;
    }
    let by_itself = set("autoretry_for").map(|(_, errors)| errors);
    Some((node, asks_again(code, body, by_itself)?))
}

/// Whether it is sure that what fails is tried again for ever: every error leads to another attempt, and nothing counts them.
fn asks_again(code: Code<'_>, body: NodeId, by_itself: Option<NodeId>) -> Option<bool> {
    let counts = code.mentions(body, |name| {
        matches!(name, "retries" | "expires" | "MaxRetriesExceededError") || has_word(name, &["deadline"])
    });
    if counts {
        return None;
    }
    let again = code
        .tree
        .subtree(body)
        .filter(|id| code.kind(*id) == Kind::Call && code.called(*id) == "retry")
        .filter(|call| code.option(*call, "max_retries").is_none())
        .collect::<Vec<_>>();
    if again.is_empty() && by_itself.is_none() {
        return None;
    }
    let after_every_error = again.iter().any(|call| {
        code.tree
            .ancestors(*call)
            .take_while(|around| *around != body)
            .find(|around| code.kind(*around) == Kind::Catch)
            .is_some_and(|handler| loops::catches_all(code.tree, handler))
    });
    Some(after_every_error || by_itself.is_some_and(|errors| names_every_error(code, errors)))
}

/// `{ forever: true }`, `{ retries: Infinity }`, `retry: { limit: Infinity }`, `{ attempts: Number.MAX_SAFE_INTEGER }`.
fn javascript_option(code: Code<'_>, setting: Setting<'_>) -> Option<bool> {
    let tree = code.tree;
    if code.kind(setting.node) != Kind::Pair {
        return None;
    }
    let object = tree.parent(setting.node)?;
    let call = tree.ancestors(setting.node).find(|around| code.is_call(*around));
    let of_retry = call.is_some_and(|call| {
        has_word(code.called(call), &["retry", "operation"])
            || code
                .receiver(call)
                .is_some_and(|of| has_word(code.last_name(of), &["retry"]))
    });
    let within_retry = tree
        .parent(object)
        .is_some_and(|pair| code.kind(pair) == Kind::Pair && code.key(pair) == Some("retry"));
    let unlimited = match setting.name {
        "forever" => of_retry && code.boolean(setting.value) == Some(true),
        "limit" | "count" => (within_retry || of_retry) && is_many(code, setting.value),
        "retries" | "maxRetries" | "maxAttempts" | "attempts" | "numOfAttempts" | "maxRetryCount"
        | "retryCount" | "retryLimit" | "maxRetryAttempts" | "times" => {
            (setting.name != "times" || of_retry) && is_many(code, setting.value)
        }
        _ => false,
    };
    if !unlimited {
        return None;
    }
    // Somebody may end it.
    let ended = [
        "signal",
        "maxRetryTime",
        "maxTime",
        "retryIf",
        "shouldRetry",
        "retryCondition",
        "onFailedAttempt",
        "timeLimit",
    ]
    .iter()
    .any(|name| code.entry(object, name).is_some())
        || tree.text().contains("AbortError")
        || call.is_some_and(|call| code.mentions(call, |name| matches!(name, "bail" | "abort")));
    Some(!ended)
}

/// Whether a call is an operator that is handed to `pipe`.
fn is_in_pipe(code: Code<'_>, call: NodeId) -> bool {
    code.tree
        .parent(call)
        .is_some_and(|around| code.kind(around) == Kind::Call && code.called(around) == "pipe")
}

fn go(code: Code<'_>, call: NodeId) -> Option<bool> {
    let first = code.arg(call, 0);
    // What is imported from `…/retry-go/v4` is called by its package's name.
    let package = code.receiver(call).map_or("", |of| code.last_name(of));
    let path = format!("{package}.{}", code.called(call));
    match path.as_str() {
        "retry.Attempts" | "retry.UntilSucceeded" => {
            let none = path == "retry.UntilSucceeded"
                || first.is_some_and(|first| code.number(first) == Some(0) || is_many(code, first));
            let around = code.tree.parent(call).filter(|around| code.is_call(*around));
            let ended = around.is_some_and(|around| {
                code.mentions(around, |name| {
                    matches!(name, "Context" | "RetryIf" | "Unrecoverable" | "MaxElapsedTime")
                })
            });
            (none && code.imports("github.com/avast/retry-go")).then_some(!ended)
        }
        "asynq.MaxRetry" => first.is_some_and(|first| is_many(code, first)).then_some(true),
        "retry.AddWithMaxAttempts" => code
            .arg(call, 1)
            .is_some_and(|attempts| code.number(attempts) == Some(0))
            .then_some(true),
        "backoff.WithMaxElapsedTime" => first
            .is_some_and(|first| code.number(first) == Some(0))
            .then_some(false),
        _ if code.called(call) == "SetRetryCount" => {
            first.is_some_and(|first| is_many(code, first)).then_some(true)
        }
        _ => None,
    }
}

fn java(code: Code<'_>, call: NodeId) -> Option<bool> {
    let first = code.arg(call, 0);
    let none = |value: NodeId| is_many(code, value) || is_minus_one(code, value);
    let is_none = first.is_some_and(none);
    let of_retry = code
        .receiver(call)
        .is_some_and(|of| code.first_name(of).starts_with("Retry"));
    let made = code.kind(call) == Kind::New;
    let reactive = code.imports("reactor.core")
        || code.imports("io.reactivex")
        || code.imports("org.springframework.web.reactive");
    match code.called(call) {
        "Retryable" => ["maxAttempts", "maxRetries"]
            .iter()
            .filter_map(|name| code.option(call, name))
            .any(none)
            .then_some(true),
        "AlwaysRetryPolicy" => made.then_some(true),
        "SimpleRetryPolicy" => (made && is_none).then_some(true),
        "infiniteRetry" => code.receiver(call).is_some().then_some(true),
        "maxAttempts" | "withMaxRetries" | "withMaxAttempts" => (of_retry && is_none).then_some(true),
        "retry" => {
            let again = code.args(call).is_empty() || first.is_some_and(|first| is_many(code, first));
            (reactive && again && code.receiver(call).is_some_and(|of| code.is_call(of))).then_some(true)
        }
        "indefinitely" => (code.path(call).ends_with("Retry.indefinitely")).then_some(true),
        "backoff" | "fixedDelay" | "max" => {
            let of = code.receiver(call).map_or("", |of| code.last_name(of));
            (reactive && of == "Retry" && first.is_some_and(|first| is_many(code, first))).then_some(true)
        }
        _ => None,
    }
}

/// `Retry::spawn(ExponentialBackoff::from_millis(10), …)` without `take`.
fn rust(code: Code<'_>, call: NodeId) -> bool {
    const ENDLESS: &[&str] = &["ExponentialBackoff", "FixedInterval", "FibonacciBackoff"];
    if !code.path(call).ends_with("Retry::spawn") && !code.path(call).ends_with("Retry.spawn") {
        return false;
    }
    let Some(given) = code.arg(call, 0) else {
        return false;
    };
    let strategy = code.set_to(given).unwrap_or(given);
    let text = code.tree.source(strategy);
    let timed = bodies::enclosing(code.tree, call)
        .is_some_and(|function| code.tree.source(function).contains("timeout("));
    ENDLESS.iter().any(|name| text.contains(name))
        && !["take(", "take_while(", "clone()"]
            .iter()
            .any(|part| text.contains(part))
        && !timed
}
