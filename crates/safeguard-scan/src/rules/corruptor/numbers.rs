//! A number loses what it says.

use safeguard_api::evidence::Severity;

use super::EVERY;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

check!(NUMBER, "lossy-number", "CWE-197", EVERY, number);

/// Moments and ids cut to 32 bits, percentages of whole numbers.
fn number(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let language = code.tree.language();
    for binary in source.of_kind(Kind::Binary).iter().copied() {
        if undoes_or_tests(code, binary) {
            continue;
        }
        let (Some(left), Some(right)) = (code.child(binary, Role::Left), code.child(binary, Role::Right))
        else {
            continue;
        };
        match (code.name(binary), language) {
            ("|" | ">>", Language::JavaScript | Language::TypeScript | Language::Tsx)
                if code.number(right) == Some(0) =>
            {
                let moment = code.kind(left) == Kind::Call
                    && (code.path(left) == "Date.now"
                        || code.called(left) == "getTime"
                        || code.called(left) == "valueOf");
                if moment {
                    reports.add(
                        binary,
                        "milliseconds since 1970 do not fit into the 32 bits that are left",
                    );
                }
            }
            // `done // total * 100`, `len(a) / len(b) * 100` of whole numbers in Go
            ("*", _) if code.number(right) == Some(100) && code.kind(left) == Kind::Binary => {
                let (Some(part), Some(whole)) = (code.child(left, Role::Left), code.child(left, Role::Right))
                else {
                    continue;
                };
                let python = code.name(left) == "//" && code.kind(whole) != Kind::Num;
                let go = language == Language::Go
                    && code.name(left) == "/"
                    && is_int(code, part)
                    && is_int(code, whole);
                if python || go {
                    reports.add(
                        binary,
                        "whole numbers are divided first: all that is less than the whole is 0 percent",
                    );
                }
            }
            _ => {}
        }
    }
    for call in source.of_kind(Kind::Call).iter().copied() {
        if undoes_or_tests(code, call) {
            continue;
        }
        match language {
            Language::JavaScript | Language::TypeScript | Language::Tsx => {
                let converts = matches!(
                    code.path(call),
                    "Number" | "parseInt" | "Number.parseInt" | "parseFloat"
                );
                if converts && let Some(arg) = code.arg(call, 0) {
                    let name = code.last_name(arg);
                    if has_word(name, &["snowflake", "bigint", "wei", "lamports", "satoshis"])
                        || name == "id_str"
                        || name == "idStr"
                    {
                        reports.add(
                            call,
                            format!("`{name}` may be larger than a number holds: its last digits change"),
                        );
                    }
                }
            }
            Language::Go => {
                // `int32(time.Now().UnixNano())`, `int(x)` of an `UnixNano` is fine on 64 bits.
                let narrow = matches!(
                    code.path(call),
                    "int32" | "uint32" | "int16" | "uint16" | "int8" | "uint8"
                );
                if narrow && let Some(arg) = code.arg(call, 0) {
                    let moment = code.kind(arg) == Kind::Call
                        && matches!(code.called(arg), "UnixNano" | "UnixMilli" | "UnixMicro");
                    let parsed = narrow_of_parsed(code, arg);
                    let typed = declared_type(code, arg).is_some_and(|ty| matches!(ty, "int64" | "uint64"));
                    let bounded = code.mentions(code.function(call).unwrap_or(NodeId::ROOT), |name| {
                        name.starts_with("MaxInt") || name.starts_with("MaxUint")
                    });
                    if moment {
                        reports.add(call, "a moment in less than seconds does not fit into 32 bits");
                    } else if parsed && !bounded {
                        reports.add(
                            call,
                            format!(
                                "`{}` was parsed with more bits than are left of it here",
                                code.tree.source(arg)
                            ),
                        );
                    } else if typed
                        && !bounded
                        && has_word(
                            code.last_name(arg),
                            &[
                                "amount",
                                "balance",
                                "id",
                                "total",
                                "cents",
                                "price",
                                "size",
                                "offset",
                                "timestamp",
                            ],
                        )
                    {
                        reports.note(
                            call,
                            format!(
                                "`{}` has 64 bits, and loses what does not fit",
                                code.tree.source(arg)
                            ),
                        );
                    }
                }
            }
            Language::Java | Language::Python | Language::Rust => {}
            Language::Dockerfile
            | Language::Hcl
            | Language::Settings
            | Language::Shell
            | Language::Sql
            | Language::Yaml => {}
        }
    }
}

/// Whether a name comes from `strconv.Atoi`, or from `ParseInt(…, 64)`.
fn narrow_of_parsed(code: Code<'_>, arg: NodeId) -> bool {
    if code.kind(arg) != Kind::Name {
        return false;
    }
    code.set_to(arg).is_some_and(|value| {
        code.kind(value) == Kind::Call
            && (code.path(value) == "strconv.Atoi"
                || matches!(code.path(value), "strconv.ParseInt" | "strconv.ParseUint")
                    && code.arg(value, 2).and_then(|bits| code.number(bits)) == Some(64))
    })
}

/// The type that a parameter or a variable of the function is declared with.
pub(super) fn declared_type<'s>(code: Code<'s>, name: NodeId) -> Option<&'s str> {
    if code.kind(name) != Kind::Name {
        return None;
    }
    let function = code.function(name)?;
    code.tree.subtree(function).find_map(|id| match code.kind(id) {
        Kind::Param if code.name(id) == code.name(name) => code.child(id, Role::Type).map(|ty| code.name(ty)),
        Kind::Assign
            if code
                .child(id, Role::Target)
                .is_some_and(|target| code.name(target) == code.name(name)) =>
        {
            code.child(id, Role::Type).map(|ty| code.name(ty))
        }
        _ => None,
    })
}

fn is_int(code: Code<'_>, id: NodeId) -> bool {
    match code.kind(id) {
        Kind::Call => matches!(code.path(id), "len" | "int" | "int64" | "int32" | "cap"),
        Kind::Name => {
            declared_type(code, id)
                .is_some_and(|ty| matches!(ty, "int" | "int64" | "int32" | "uint64" | "uint"))
                || code.set_to(id).is_some_and(|value| {
                    value != id && code.kind(value) == Kind::Call && code.path(value) == "len"
                })
        }
        _ => false,
    }
}
