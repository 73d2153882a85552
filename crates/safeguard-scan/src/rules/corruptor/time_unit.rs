//! Seconds and milliseconds (or Go's nanoseconds) are taken for each other: added, compared, or stored under a name that says another unit.

use safeguard_api::evidence::Severity;

use super::EVERY;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::words;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static UNIT: Check = Check {
    id: "time-unit",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-682"],
    languages: EVERY,
    run: unit,
};

fn ends(name: &str) -> Option<&'static str> {
    let words = words(name);
    // `fractionalSeconds` and the like are in the unit of what they are a part of.
    if words.iter().any(|word| {
        matches!(
            word.as_str(),
            "fractional" | "fraction" | "per" | "in" | "as" | "to" | "remaining"
        )
    }) {
        return None;
    }
    let last = words.last()?;
    match last.as_str() {
        "ms" | "millis" | "milliseconds" | "msec" | "msecs" => Some("milliseconds"),
        "seconds" | "secs" | "sec" => Some("seconds"),
        "minutes" | "mins" => Some("minutes"),
        _ => None,
    }
}

/// In which unit a value is, by its call or its name.
fn unit_of(code: Code<'_>, id: NodeId) -> Option<&'static str> {
    let id = code.bare(id);
    match code.kind(id) {
        Kind::Call => match code.path(id) {
            "time.time" => Some("seconds"),
            "Date.now" | "performance.now" => Some("milliseconds"),
            "int" | "round" | "Math.floor" | "Math.round" | "float" => {
                code.arg(id, 0).and_then(|inner| unit_of(code, inner))
            }
            _ if code.called(id) == "getTime" => Some("milliseconds"),
            _ if code.called(id) == "UnixMilli" => Some("milliseconds"),
            _ if code.called(id) == "Unix" && code.tree.language() == Language::Go => Some("seconds"),
            _ if code.called(id) == "timestamp"
                && code.tree.language() == Language::Python
                && code.args(id).is_empty() =>
            {
                Some("seconds")
            }
            _ => None,
        },
        Kind::Name | Kind::Member => ends(code.name(id)),
        Kind::Binary if matches!(code.name(id), "+" | "-") => {
            let left = code.child(id, Role::Left).and_then(|left| unit_of(code, left));
            let right = code.child(id, Role::Right).and_then(|right| unit_of(code, right));
            left.or(right)
        }
        _ => None,
    }
}

fn unit(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let mut add = |at: NodeId, told: String| {
        if !undoes_or_tests(code, at) {
            reports.add(at, told);
        }
    };
    // Sums, differences and comparisons of two units.
    for binary in source.of_kind(Kind::Binary).iter().copied() {
        if !matches!(
            code.name(binary),
            "+" | "-" | "<" | ">" | "<=" | ">=" | "==" | "==="
        ) {
            continue;
        }
        let sides = (
            code.child(binary, Role::Left)
                .and_then(|left| unit_of(code, left)),
            code.child(binary, Role::Right)
                .and_then(|right| unit_of(code, right)),
        );
        if let (Some(left), Some(right)) = sides
            && left != right
        {
            add(binary, format!("one side is in {left}, the other in {right}"));
        }
    }
    for at in source
        .of_kind(Kind::Assign)
        .iter()
        .chain(source.of_kind(Kind::Keyword))
        .chain(source.of_kind(Kind::Pair))
        .copied()
    {
        let name = match code.kind(at) {
            Kind::Assign => match code.child(at, Role::Target) {
                Some(target) if matches!(code.kind(target), Kind::Name | Kind::Member) => code.name(target),
                _ => continue,
            },
            Kind::Keyword => code.name(at),
            _ => code.key(at).unwrap_or(""),
        };
        let Some(value) = code.child(at, Role::Value) else {
            continue;
        };
        // Which unit a keyword wants is its last word: `timedelta(seconds=timeout_ms)`.
        if let (Some(wanted), Some(found)) = (ends(name), unit_of(code, value))
            && wanted != found
        {
            add(at, format!("`{name}` gets a number of {found}"));
        }
    }
    for call in code.calls() {
        let path = code.path(call);
        match (code.tree.language(), path) {
            (Language::JavaScript | Language::TypeScript | Language::Tsx, "Date")
                if code.kind(call) == Kind::New && code.args(call).len() == 1 =>
            {
                let Some(arg) = code.arg(call, 0) else { continue };
                let name = code.last_name(arg);
                let epoch = unit_of(code, arg) == Some("seconds")
                    || matches!(name, "exp" | "iat" | "nbf")
                    || matches!(code.kind(arg), Kind::Member)
                        && matches!(
                            name,
                            "created"
                                | "current_period_end"
                                | "current_period_start"
                                | "period_end"
                                | "trial_end"
                                | "cancel_at"
                        )
                        && code.imports("stripe");
                if epoch {
                    add(
                        call,
                        format!(
                            "`{}` is in seconds, and `Date` takes milliseconds: a day in January 1970",
                            code.tree.source(arg)
                        ),
                    );
                }
            }
            (
                Language::Python,
                "datetime.datetime.fromtimestamp"
                | "datetime.datetime.utcfromtimestamp"
                | "time.sleep"
                | "asyncio.sleep",
            ) => {
                let Some(arg) = code.arg(call, 0) else { continue };
                if unit_of(code, arg) == Some("milliseconds") {
                    add(
                        call,
                        format!(
                            "`{}` is in milliseconds, and seconds are taken here",
                            code.tree.source(arg)
                        ),
                    );
                }
            }
            (Language::JavaScript | Language::TypeScript | Language::Tsx, "setTimeout" | "setInterval") => {
                let Some(arg) = code.arg(call, 1) else { continue };
                if unit_of(code, arg) == Some("seconds") {
                    add(
                        call,
                        format!(
                            "`{}` is in seconds, and milliseconds are taken here",
                            code.tree.source(arg)
                        ),
                    );
                }
            }
            (Language::Go, _) => go_duration(code, call, path, &mut add),
            _ => {}
        }
    }
}

/// `time.Sleep(5)` waits five nanoseconds.
fn go_duration(code: Code<'_>, call: NodeId, path: &str, add: &mut dyn FnMut(NodeId, String)) {
    let at = match path {
        "time.Sleep" | "time.After" | "time.NewTimer" | "time.NewTicker" | "time.Tick" | "time.AfterFunc" => {
            0
        }
        "context.WithTimeout" | "context.WithTimeoutCause" | "http.TimeoutHandler" => 1,
        "time.Duration" => {
            // A number whose name says its unit, not multiplied by it.
            let Some(arg) = code.arg(call, 0) else { return };
            let Some(unit) = ends(code.last_name(arg)) else {
                return;
            };
            let multiplied = code
                .tree
                .parent(call)
                .is_some_and(|parent| code.kind(parent) == Kind::Binary);
            let named = code.function(call).is_some_and(|function| {
                code.tree.subtree(function).any(|id| {
                    code.kind(id) == Kind::Binary
                        && code.name(id) == "*"
                        && code.mentions(id, |name| name == code.last_name(arg))
                })
            });
            if !multiplied && !named {
                add(
                    call,
                    format!(
                        "`{}` is a number of {unit}, and becomes that many nanoseconds",
                        code.tree.source(arg)
                    ),
                );
            }
            return;
        }
        _ => return,
    };
    if let Some(arg) = code.arg(call, at)
        && code.kind(arg) == Kind::Num
        && code
            .number(arg)
            .is_some_and(|number| (1..100_000).contains(&number))
    {
        add(
            call,
            format!(
                "`{}` without a unit is that many nanoseconds",
                code.tree.source(arg)
            ),
        );
    }
}
