//! A lock that is a key in Redis: it runs out by itself, and is then deleted by whoever had it, though another one has it by now.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::words;
use crate::language::Language;
use crate::matching::{Source, canonical};
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_BUT_RUST, Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "lock-of-nobody",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-667", "CWE-362"],
    languages: ALL_BUT_RUST,
    run,
};

const DELETES: &[&str] = &["delete", "del", "Del", "unlink", "Unlink"];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.calls().iter().copied() {
        let Some(key) = taken(code, call) else {
            continue;
        };
        if undoes_or_tests(code, call) {
            continue;
        }
        let released = source
            .calls()
            .iter()
            .copied()
            .find(|other| *other != call && releases(code, call, key, *other));
        if let Some(at) = released {
            let told = "the lock has run out by now if the work took longer, and another one has it: it is deleted without a look at whose it is";
            if lives_long(code, call) {
                reports.note(at, told);
            } else {
                reports.add(at, told);
            }
        }
    }
}

/// A lock that lives for minutes outlasts most work.
fn lives_long(code: Code<'_>, call: NodeId) -> bool {
    const SECONDS: u64 = 300;
    let number = |name: &str| code.option(call, name).and_then(|value| code.number(value));
    let long = |seconds: Option<u64>| seconds.is_some_and(|seconds| seconds >= SECONDS);
    let long_ms = |ms: Option<u64>| ms.is_some_and(|ms| ms >= SECONDS * 1000);
    let args = code.args(call);
    let in_ms = args.iter().any(|arg| {
        code.text(*arg)
            .is_some_and(|text| text.eq_ignore_ascii_case("px"))
    });
    let by_position = args.iter().skip(2).any(|arg| {
        let given = code.number(*arg);
        if in_ms { long_ms(given) } else { long(given) }
    }) && code.tree.language() != Language::Go;
    ["ex", "EX", "timeout"].iter().any(|name| long(number(name)))
        || ["px", "PX"].iter().any(|name| long_ms(number(name)))
        || by_position
}

/// The key of a call that sets it if it is not there, for a time, to what is the same for everybody.
fn taken(code: Code<'_>, call: NodeId) -> Option<NodeId> {
    let args = code.args(call);
    let key = args.first().copied();
    match (code.tree.language(), code.called(call)) {
        (Language::Python, "set") => {
            let yes =
                |name: &str| code.option(call, name).and_then(|value| code.boolean(value)) == Some(true);
            let ends = ["ex", "px", "exat", "pxat"]
                .iter()
                .any(|name| code.option(call, name).is_some());
            let value = args.get(1).copied().or_else(|| code.option(call, "value"))?;
            (yes("nx") && ends && is_same_for_all(code, value))
                .then(|| key.or_else(|| code.option(call, "name")))?
        }
        (Language::Python, "add") => {
            // Django's `cache.add(key, "1", timeout)`
            let of_cache = code
                .receiver(call)
                .is_some_and(|of| matches!(code.last_name(of), "cache" | "caches"));
            let ends = args.get(2).is_some() || code.option(call, "timeout").is_some();
            (of_cache && ends && is_same_for_all(code, *args.get(1)?)).then_some(key)?
        }
        (Language::JavaScript | Language::TypeScript | Language::Tsx, "set") => {
            let word = |wanted: &str| {
                args.iter().skip(2).any(|arg| {
                    code.text(*arg)
                        .is_some_and(|text| text.eq_ignore_ascii_case(wanted))
                })
            };
            let option = |name: &str| code.option(call, name).is_some();
            let once = word("NX") || option("NX") || option("nx");
            let ends = word("EX")
                || word("PX")
                || ["EX", "PX", "ex", "px", "expiration"]
                    .iter()
                    .any(|name| option(name));
            (once && ends && is_same_for_all(code, *args.get(1)?)).then_some(key)?
        }
        (Language::Go, "SetNX") => {
            (args.len() == 4 && code.number(args[3]) != Some(0) && is_same_for_all(code, args[2]))
                .then(|| args[1])
        }
        (Language::Java, "setIfAbsent") => {
            (args.len() >= 3 && is_same_for_all(code, args[1])).then_some(key)?
        }
        (Language::Java, "set") => {
            let how = args.get(2).map_or("", |how| code.tree.source(*how));
            (how.contains(".nx()")
                && (how.contains(".ex(") || how.contains(".px("))
                && is_same_for_all(code, args[1]))
            .then_some(key)?
        }
        _ => None,
    }
}

/// A text or a number that is written in the file.
fn is_same_for_all(code: Code<'_>, value: NodeId) -> bool {
    matches!(code.kind(code.literal(value)), Kind::Str | Kind::Num | Kind::Bool)
}

/// Whether a call deletes that key at the end of the work, whoever has it.
fn releases(code: Code<'_>, call: NodeId, key: NodeId, other: NodeId) -> bool {
    let tree = code.tree;
    if !DELETES.contains(&code.called(other)) {
        return false;
    }
    let same = code
        .args(other)
        .iter()
        .any(|arg| canonical(tree, *arg) == canonical(tree, key) || is_list_of(code, *arg, key));
    if !same {
        return false;
    }
    let (Some(takes), Some(gives)) = (outermost(code, call), outermost(code, other)) else {
        return false;
    };
    if takes == gives {
        // After it was taken, and not only where the work has failed: then it is a mark that it was done.
        return tree.span(other).start > tree.span(call).start && !is_conditional(code, other, takes, call);
    }
    // `acquire` and `release` of one class, or of one file with the same name for the key.
    let class = |id: NodeId| {
        tree.ancestors(id)
            .find(|around| tree.kind(*around) == Kind::Class)
    };
    let named = words(code.function_name(gives)).iter().any(|word| {
        matches!(
            word.as_str(),
            "release" | "unlock" | "exit" | "aexit" | "close" | "leave" | "free" | "dispose"
        )
    });
    class(takes) == class(gives) && named && !is_conditional(code, other, gives, call)
}

fn is_list_of(code: Code<'_>, list: NodeId, key: NodeId) -> bool {
    code.kind(list) == Kind::List
        && code
            .tree
            .children(list)
            .any(|item| canonical(code.tree, item) == canonical(code.tree, key))
}

fn outermost(code: Code<'_>, id: NodeId) -> Option<NodeId> {
    code.functions(id).last()
}

/// Whether something is asked before it is deleted: under a condition that is not just whether it was taken.
fn is_conditional(code: Code<'_>, other: NodeId, function: NodeId, call: NodeId) -> bool {
    let tree = code.tree;
    let text = tree.source(function);
    let looks = [
        "eval(",
        "evalsha",
        "Eval(",
        "register_script",
        "NewScript",
        "RedisScript",
        "watch(",
    ]
    .iter()
    .any(|word| text.contains(word));
    looks
        || tree
            .ancestors(other)
            .take_while(|around| *around != function)
            .any(|around| match tree.kind(around) {
                Kind::Catch | Kind::Case => true,
                Kind::If => {
                    // `if (locked) { try { … } finally { del } }` is about the taking itself.
                    let asks_value = code.child(around, Role::Condition).is_some_and(|condition| {
                        code.tree.subtree(condition).any(|part| {
                            code.is_call(part) && part != call
                                || code.comparison(part).is_some_and(|(operator, _, right)| {
                                    matches!(operator, "==" | "===" | "!=" | "!==" | ">" | "<" | ">=" | "<=")
                                        && !code.is_null(right)
                                        && !matches!(code.kind(code.literal(right)), Kind::Bool | Kind::Str)
                                })
                        })
                    });
                    let fails = code.child(around, Role::Condition).is_some_and(|condition| {
                        code.mentions(condition, |name| {
                            words(name).iter().any(|word| {
                                matches!(
                                    word.as_str(),
                                    "err" | "error" | "failed" | "failure" | "ok" | "success"
                                )
                            })
                        })
                    });
                    let taken = code
                        .child(around, Role::Condition)
                        .is_some_and(|condition| tree.within(call, condition));
                    !taken && (asks_value || fails)
                }
                _ => false,
            })
}
