//! `hash()` of a text decides where something is kept: a shard, a file, an id.

use super::numbers::declared_type;
use safeguard_api::evidence::Severity;

use super::{EVERY, SCRIPT};
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

check!(TRUTH, "text-taken-for-truth", "CWE-704", EVERY, truth);
check!(IDENTITY, "never-equal", "CWE-595", EVERY, identity);
check!(ADDED, "text-added-to-number", "CWE-704", SCRIPT, added);
check!(KEY, "hash-as-key", "CWE-758", &[Language::Python], key);

fn is_false_text(text: &str) -> bool {
    matches!(
        text.to_ascii_lowercase().as_str(),
        "false" | "0" | "no" | "off" | "n" | "f"
    )
}

/// `bool("False")` is true.
fn truth(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.of_kind(Kind::Call).iter().copied() {
        if undoes_or_tests(code, call) {
            continue;
        }
        match (code.tree.language(), code.path(call)) {
            (Language::Python, "bool")
            | (Language::JavaScript | Language::TypeScript | Language::Tsx, "Boolean") => {
                let Some(value) = code.arg(call, 0) else {
                    continue;
                };
                if code.text(value).is_some_and(is_false_text) {
                    reports.add(call, "a text that is not empty is true, also `false`");
                } else if has_false_default(code, value) {
                    reports.add(
                        call,
                        format!(
                            "`{}` is a text, and any text that is not empty is true, also its default",
                            code.tree.source(value)
                        ),
                    );
                } else if is_setting(code, value) || is_query(code, value) {
                    reports.note(
                        call,
                        format!(
                            "`{}` is a text: `false` and `0` are true",
                            code.tree.source(value)
                        ),
                    );
                }
            }
            (Language::Python, _)
                if code.called(call) == "add_argument"
                    && code
                        .option(call, "type")
                        .is_some_and(|ty| code.kind(ty) == Kind::Name && code.name(ty) == "bool") =>
            {
                reports.add(
                    call,
                    "`type=bool` takes every text that is not empty for true, also `False`",
                );
            }
            _ => {}
        }
    }
    // `!!(process.env.X ?? 'false')`
    for unary in source.of_kind(Kind::Unary).iter().copied() {
        if code.name(unary) == "not"
            && let Some(inner) = code.child(unary, Role::Value)
            && has_false_default(code, inner)
            && !undoes_or_tests(code, unary)
        {
            reports.add(
                unary,
                format!(
                    "`{}` is a text, and any text that is not empty is true, also its default",
                    code.tree.source(inner)
                ),
            );
        }
    }
}

fn is_setting(code: Code<'_>, value: NodeId) -> bool {
    match code.kind(value) {
        Kind::Call => matches!(code.path(value), "os.environ.get" | "os.getenv"),
        Kind::Index => code
            .child(value, Role::Object)
            .is_some_and(|of| code.path_of(of) == "os.environ"),
        _ => false,
    }
}

fn is_query(code: Code<'_>, value: NodeId) -> bool {
    let source = code.tree.source(value);
    match code.kind(value) {
        Kind::Call => {
            code.called(value) == "get"
                && code.receiver(value).is_some_and(|of| {
                    matches!(
                        code.tree.source(of),
                        "request.args" | "request.GET" | "request.query_params" | "request.form"
                    )
                })
        }
        Kind::Member => source.starts_with("req.query."),
        _ => false,
    }
}

fn has_false_default(code: Code<'_>, value: NodeId) -> bool {
    match code.kind(value) {
        Kind::Call if is_setting(code, value) || is_query(code, value) => code
            .arg(value, 1)
            .is_some_and(|default| code.text(default).is_some_and(is_false_text)),
        Kind::Binary if matches!(code.name(value), "or" | "??") => {
            let environment = code
                .child(value, Role::Left)
                .is_some_and(|left| code.path_of(left).starts_with("process.env.") || is_setting(code, left));
            environment
                && code
                    .child(value, Role::Right)
                    .is_some_and(|right| code.text(right).is_some_and(is_false_text))
        }
        _ => false,
    }
}

/// `x is "a"`, `x == NaN`.
fn identity(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for binary in source.of_kind(Kind::Binary).iter().copied() {
        let Some((operator, left, right)) = code.comparison(binary) else {
            continue;
        };
        if undoes_or_tests(code, binary) {
            continue;
        }
        let sides = [left, right];
        match operator {
            "is" | "is not" => {
                let literal = sides.into_iter().find(|side| {
                    matches!(
                        code.kind(*side),
                        Kind::Str | Kind::Num | Kind::List | Kind::Object
                    ) || code.kind(*side) == Kind::Tuple
                });
                if let Some(literal) = literal {
                    reports.add(binary, format!("`{operator}` asks whether it is the same object as `{}`, not whether it is equal", code.tree.source(literal)));
                }
            }
            "==" | "===" | "!=" | "!==" => {
                let nan = sides.into_iter().any(|side| {
                    matches!(code.kind(side), Kind::Name | Kind::Member)
                        && matches!(
                            code.path_of(side).as_str(),
                            "NaN" | "Number.NaN" | "math.nan" | "numpy.nan" | "np.nan" | "numpy.NaN"
                        )
                        || code.kind(side) == Kind::Call
                            && (code.path(side) == "float"
                                && code.arg(side, 0).is_some_and(|text| {
                                    code.text(text)
                                        .is_some_and(|text| text.eq_ignore_ascii_case("nan"))
                                })
                                || code.path(side) == "math.NaN")
                });
                if nan {
                    reports.add(binary, "nothing is equal to NaN, not even NaN");
                    continue;
                }
                // `[] === x`, `{} == x`: a new object is equal to none.
                let fresh = sides
                    .into_iter()
                    .any(|side| matches!(code.kind(side), Kind::List | Kind::Object));
                if fresh && SCRIPT.contains(&code.tree.language()) {
                    reports.add(binary, "a new array or object is equal to none that exists");
                    continue;
                }
                let decimal = |side: NodeId| {
                    code.kind(side) == Kind::Num
                        && code.name(side).contains('.')
                        && code
                            .name(side)
                            .trim_end_matches('0')
                            .split('.')
                            .nth(1)
                            .is_some_and(|rest| {
                                !rest.is_empty() && !matches!(rest, "5" | "25" | "75" | "125")
                            })
                };
                let computed = |side: NodeId| {
                    code.kind(side) == Kind::Binary && matches!(code.name(side), "+" | "-" | "*" | "/")
                };
                if decimal(left) && computed(right) || decimal(right) && computed(left) {
                    reports.add(
                        binary,
                        "a computed fraction is hardly ever equal to a written one",
                    );
                }
            }
            _ => {}
        }
    }
}

/// `req.query.page + 1` is `"11"`.
fn added(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let text = |id: NodeId| {
        let id = code.set_to(id).unwrap_or(id);
        let path = code.tree.source(id);
        code.kind(id) == Kind::Member
            && (path.starts_with("req.query.")
                || path.starts_with("req.params.")
                || path.starts_with("request.query.")
                || path.starts_with("process.env.")
                || path.ends_with("target.value"))
            || code.kind(id) == Kind::Call
                && code.called(id) == "get"
                && code.receiver(id).is_some_and(|of| {
                    matches!(
                        code.last_name(of),
                        "searchParams" | "URLSearchParams" | "localStorage"
                    )
                })
            || code.kind(id) == Kind::Call
                && code.called(id) == "getItem"
                && code
                    .receiver(id)
                    .is_some_and(|of| matches!(code.last_name(of), "localStorage" | "sessionStorage"))
    };
    for binary in source
        .of_kind(Kind::Binary)
        .iter()
        .copied()
        .filter(|binary| code.name(*binary) == "+")
    {
        let (Some(left), Some(right)) = (code.child(binary, Role::Left), code.child(binary, Role::Right))
        else {
            continue;
        };
        let number = |id: NodeId| code.kind(id) == Kind::Num;
        if (text(left) && number(right) || text(right) && number(left)) && !undoes_or_tests(code, binary) {
            reports.add(
                binary,
                format!(
                    "`{}` is a text: the number is written behind it, not added",
                    code.tree.source(if text(left) { left } else { right })
                ),
            );
        }
    }
    for assign in source.of_kind(Kind::Assign).iter().copied() {
        let (Some(target), Some(value)) = (code.child(assign, Role::Target), code.child(assign, Role::Value))
        else {
            continue;
        };
        if code.name(assign) != "+="
            || !code.tree.source(assign).contains("+=")
            || !text(value)
            || undoes_or_tests(code, assign)
        {
            continue;
        }
        let begins = first_value(code, target);
        if begins.is_some_and(|begins| code.kind(begins) == Kind::Num) {
            reports.add(
                assign,
                format!(
                    "`{}` is a text: it is written behind the sum, not added",
                    code.tree.source(value)
                ),
            );
        }
    }
}

fn first_value(code: Code<'_>, target: NodeId) -> Option<NodeId> {
    let scope = code.function(target).unwrap_or(NodeId::ROOT);
    code.tree
        .subtree(scope)
        .find(|id| {
            code.kind(*id) == Kind::Assign
                && code.name(*id) == "="
                && code.child(*id, Role::Target).is_some_and(|other| {
                    code.kind(other) == Kind::Name && code.name(other) == code.name(target)
                })
        })
        .and_then(|assign| code.child(assign, Role::Value))
}

/// `hash(name)` is another number in each process.
fn key(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.of_kind(Kind::Call).iter().copied() {
        if code.path(call) != "hash" || code.args(call).len() != 1 || undoes_or_tests(code, call) {
            continue;
        }
        let in_hash = code.names_around(call).contains(&"__hash__");
        let defined = source
            .of_kind(Kind::Function)
            .iter()
            .any(|function| code.name(*function) == "hash")
            || code.source.names.imported("hash").is_some();
        if in_hash
            || defined
            || code.arg(call, 0).is_some_and(|of| {
                matches!(code.kind(of), Kind::Num) || declared_type(code, of) == Some("int")
            })
        {
            continue;
        }
        let Some(parent) = code.tree.parent(call) else {
            continue;
        };
        // `hash(x) % shards`, `f"{hash(url)}.json"`, `id=hash(email)`
        let around: Vec<NodeId> = code.tree.ancestors(call).take(4).collect();
        let modulo = code.kind(parent) == Kind::Binary && code.name(parent) == "%"
            || code.kind(parent) == Kind::Call
                && code.path(parent) == "abs"
                && code
                    .tree
                    .parent(parent)
                    .is_some_and(|outer| code.kind(outer) == Kind::Binary && code.name(outer) == "%");
        let kept = around.iter().any(|id| match code.kind(*id) {
            Kind::Interp => code
                .texts_in(*id)
                .any(|text| text.contains('.') || text.contains('/') || text.contains(':')),
            Kind::Keyword => has_word(
                code.name(*id),
                &["id", "key", "checksum", "digest", "etag", "fingerprint"],
            ),
            Kind::Assign => code.child(*id, Role::Target).is_some_and(|target| {
                code.kind(target) == Kind::Member
                    && has_word(code.name(target), &["checksum", "digest", "etag", "fingerprint"])
                    && !code.name(target).starts_with('_')
            }),
            _ => false,
        });
        let shards = modulo
            && around.iter().any(|id| {
                code.mentions(*id, |name| {
                    has_word(
                        name,
                        &[
                            "shard",
                            "shards",
                            "partition",
                            "partitions",
                            "bucket",
                            "buckets",
                            "nodes",
                            "workers",
                            "queues",
                            "servers",
                            "variant",
                            "percent",
                            "100",
                        ],
                    )
                }) || code.mentions_number(*id, &["100", "1000"])
            });
        if shards || kept {
            reports.add(call, "`hash` of a text is another number in each process: what was kept under it is not found again");
        } else if modulo {
            reports.note(call, "`hash` of a text is another number in each process");
        }
    }
}
