//! How much one request makes: the client says it, and nothing limits it.

mod limits;
mod sinks;

use safeguard_api::evidence::Severity;

use crate::analysis::bodies;
use crate::analysis::code::Code;
use crate::analysis::sent::sent;
use crate::analysis::typed::declared_type;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId, Role};

use limits::{declares_limit, is_limited, validates_elsewhere};
use sinks::{Sink, sinks};

pub static CHECK: Check = Check {
    id: "amount-from-client",
    failure: "X2",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-770", "CWE-789", "CWE-400"],
    languages: ALL_LANGUAGES,
    run,
};

/// How far a value is followed through names and sums.
const DEPTH_MAX: usize = 6;

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    if source.is_test() {
        return;
    }
    let code = Code::of(source);
    for Sink { at, amount, what } in sinks(code) {
        let Some(handler) = bodies::handler_around(source, at) else {
            continue;
        };
        let mut names = Vec::new();
        if !comes_from_client(code, handler, amount, &mut names, 0)
            || is_limited(code, handler, at, &names)
            || validates_elsewhere(code, handler)
        {
            continue;
        }
        let written = code.tree.source(amount);
        match what {
            "rows" => reports.note(
                at,
                format!("`{written}` comes with the request, and nothing limits it: one page may be the whole table"),
            ),
            _ => reports.add(
                at,
                format!("`{written}` comes with the request, and nothing limits it: one request takes as {what} as it likes"),
            ),
        }
    }
}

/// Whether a number is what the client sends, and by which names it came here.
fn comes_from_client<'s>(
    code: Code<'s>,
    handler: NodeId,
    value: NodeId,
    names: &mut Vec<&'s str>,
    depth: usize,
) -> bool {
    if depth > DEPTH_MAX {
        return false;
    }
    let value = code.bare(value);
    let inner = |id: NodeId, names: &mut Vec<&'s str>| comes_from_client(code, handler, id, names, depth + 1);
    match code.kind(value) {
        Kind::Binary if matches!(code.name(value), "+" | "*" | "<<" | "or" | "??") => code
            .tree
            .children(value)
            .collect::<Vec<_>>()
            .into_iter()
            .any(|side| inner(side, names)),
        Kind::Unary if matches!(code.name(value), "+" | "?") => code
            .child(value, Role::Value)
            .is_some_and(|value| inner(value, names)),
        Kind::Call if is_conversion(code, value) => code.arg(value, 0).is_some_and(|arg| inner(arg, names)),
        Kind::Call
            if matches!(
                code.called(value),
                "unwrap_or" | "unwrap_or_default" | "unwrap" | "intValue"
            ) =>
        {
            code.receiver(value).is_some_and(|of| inner(of, names))
        }
        Kind::Name => {
            names.push(code.name(value));
            if let Some(param) = param_of(code, value) {
                return is_sent_as(code, handler, param);
            }
            if sent(code, value).is_some() {
                return true;
            }
            code.set_to(value)
                .filter(|set| *set != value)
                .is_some_and(|set| inner(set, names))
        }
        Kind::Member if code.tree.language() == Language::Rust => {
            names.push(code.name(value));
            code.child(value, Role::Object)
                .and_then(|object| param_of(code, object))
                .is_some_and(|param| is_number_of_extractor(code, param, code.name(value)))
        }
        Kind::Member | Kind::Index | Kind::Call => {
            names.push(code.last_name(value));
            sent(code, value).is_some()
                || is_java_parameter(code, value)
                || is_field_of_body(code, handler, value)
        }
        _ => false,
    }
}

/// `int(x)`, `Number(x)`, `strconv.Atoi(x)`, `Integer.parseInt(x)`
fn is_conversion(code: Code<'_>, call: NodeId) -> bool {
    matches!(
        code.path(call),
        "int"
            | "float"
            | "Number"
            | "parseInt"
            | "parseFloat"
            | "Number.parseInt"
            | "Number.parseFloat"
            | "strconv.Atoi"
            | "strconv.ParseInt"
            | "strconv.ParseUint"
            | "strconv.ParseFloat"
            | "int64"
            | "uint"
            | "uint32"
            | "uint64"
            | "Integer.parseInt"
            | "Integer.valueOf"
            | "Long.parseLong"
            | "Long.valueOf"
            | "Math.round"
            | "Math.floor"
            | "Math.ceil"
            | "time.Duration"
            | "Duration.ofSeconds"
            | "Duration.ofMillis"
            | "Duration.from_secs"
            | "Duration.from_millis"
            | "std.time.Duration.from_secs"
            | "std.time.Duration.from_millis"
            | "tokio.time.Duration.from_secs"
            | "tokio.time.Duration.from_millis"
    )
}

/// `request.getParameter("n")`
fn is_java_parameter(code: Code<'_>, value: NodeId) -> bool {
    code.tree.language() == Language::Java
        && matches!(code.called(value), "getParameter" | "getHeader" | "getIntHeader")
}

/// A number of what the body is read into: FastAPI's `batch.copies` of `batch: Batch`, Go's `body.Parts` behind `Decode(&body)`.
fn is_field_of_body(code: Code<'_>, handler: NodeId, value: NodeId) -> bool {
    let Some(object) = code
        .child(value, Role::Object)
        .filter(|object| code.kind(value) == Kind::Member && code.kind(*object) == Kind::Name)
    else {
        return false;
    };
    match code.tree.language() {
        Language::Python => {
            let written = param_of(code, object)
                .filter(|param| code.tree.parent(*param) == Some(handler))
                .and_then(|param| code.child(param, Role::Type))
                .map_or("", |ty| code.name(ty));
            is_fastapi_route(code, handler) && has_plain_number(code, written, code.name(value))
        }
        Language::Go => {
            let name = code.name(object);
            let filled = code.tree.subtree(handler).any(|call| {
                code.kind(call) == Kind::Call
                    && call < value
                    && matches!(
                        code.called(call),
                        "Decode"
                            | "Unmarshal"
                            | "BindJSON"
                            | "ShouldBindJSON"
                            | "Bind"
                            | "ShouldBind"
                            | "BodyParser"
                    )
                    && code
                        .args(call)
                        .last()
                        .is_some_and(|into| code.first_name(code.bare(*into)) == name)
            });
            filled
                && declared_type(code.source, object)
                    .is_some_and(|ty| has_plain_number(code, ty, code.name(value)))
        }
        _ => false,
    }
}

/// Whether a class of the file has a field that is a number, and says nothing of its limits.
fn has_plain_number(code: Code<'_>, class: &str, field: &str) -> bool {
    code.source
        .of_kind(Kind::Class)
        .iter()
        .filter(|found| !class.is_empty() && code.name(**found) == class)
        .flat_map(|class| code.tree.subtree(*class))
        .any(|part| {
            let name = match code.kind(part) {
                Kind::Field => code.name(part),
                Kind::Assign => code
                    .child(part, Role::Target)
                    .map_or("", |target| code.name(target)),
                _ => return false,
            };
            let number = code.child(part, Role::Type).is_some_and(|ty| {
                matches!(
                    code.name(ty),
                    "int" | "int|None" | "Optional[int]" | "int64" | "int32" | "uint" | "uint32" | "uint64"
                )
            });
            name == field && number && !declares_limit(code, part)
        })
}

/// The parameter that a name is, of the functions around it.
fn param_of(code: Code<'_>, name: NodeId) -> Option<NodeId> {
    if code.kind(name) != Kind::Name {
        return None;
    }
    code.functions(name).find_map(|function| {
        code.tree.children_in(function, Role::Param).find(|param| {
            code.name(*param) == code.name(name)
                || code.child(*param, Role::Target).is_some_and(|target| {
                    code.tree
                        .subtree(target)
                        .any(|part| code.kind(part) == Kind::Name && code.name(part) == code.name(name))
                })
        })
    })
}

/// Whether the framework fills a parameter of the handler with a number that the client sends, and declares no limit of it.
fn is_sent_as(code: Code<'_>, handler: NodeId, param: NodeId) -> bool {
    if code.tree.parent(param) != Some(handler) || declares_limit(code, param) {
        return false;
    }
    let written = code
        .child(param, Role::Type)
        .map_or("", |written| code.name(written));
    match code.tree.language() {
        Language::Python => {
            // FastAPI: whatever is no more than a number is in the query or the path.
            let number = ["int", "int|None", "Optional[int]", "float", "float|None"].contains(&written)
                || written.starts_with("Annotated[int");
            number && is_fastapi_route(code, handler)
        }
        Language::Java => {
            let number = matches!(written, "int" | "long" | "Integer" | "Long");
            number
                && code.tree.children_in(param, Role::Decorator).any(|mark| {
                    let text = code.tree.source(mark);
                    ["RequestParam", "PathVariable", "QueryParam", "RequestHeader"]
                        .iter()
                        .any(|name| text.contains(name))
                })
        }
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            let decorated = |name: &str| {
                code.tree.children_in(param, Role::Decorator).any(|mark| {
                    code.child(mark, Role::Value)
                        .is_some_and(|call| code.called(call) == name && code.arg(call, 0).is_some())
                })
            };
            decorated("Query") || decorated("Param") || decorated("Body")
        }
        // `Path(count): Path<usize>`, `count: web::Path<u32>`
        Language::Rust => {
            let inner = written
                .split_once('<')
                .map_or("", |(_, inner)| inner.trim_end_matches('>'));
            ["Path", "Query", "Json"]
                .iter()
                .any(|name| written.contains(name))
                && is_rust_number(inner)
        }
        Language::Go
        | Language::Dockerfile
        | Language::Hcl
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => false,
    }
}

/// `@router.get("/x")`, and not a route of Flask, which takes what it needs from the request.
fn is_fastapi_route(code: Code<'_>, handler: NodeId) -> bool {
    (code.imports("fastapi") || code.imports("ninja"))
        && code.tree.children_in(handler, Role::Decorator).any(|mark| {
            code.child(mark, Role::Value).is_some_and(|call| {
                matches!(
                    code.called(call),
                    "get" | "post" | "put" | "patch" | "delete" | "api_route"
                )
            })
        })
}

/// `wanted.count` of `Query(wanted): Query<Wanted>`, where the struct of the file has `count: usize`.
fn is_number_of_extractor(code: Code<'_>, param: NodeId, field: &str) -> bool {
    let written = code
        .child(param, Role::Type)
        .map_or("", |written| code.name(written));
    let Some((extractor, inner)) = written.split_once('<') else {
        return false;
    };
    if !["Query", "Json", "Form", "Path"]
        .iter()
        .any(|name| extractor.ends_with(name))
    {
        return false;
    }
    let inner = inner.trim_end_matches('>');
    code.source
        .of_kind(Kind::Class)
        .iter()
        .filter(|class| code.name(**class) == inner)
        .flat_map(|class| code.tree.subtree(*class))
        .any(|part| {
            code.kind(part) == Kind::Field
                && code.name(part) == field
                && !declares_limit(code, part)
                && code.child(part, Role::Type).is_some_and(|ty| {
                    let ty = code.name(ty);
                    is_rust_number(
                        ty.strip_prefix("Option<")
                            .map_or(ty, |ty| ty.trim_end_matches('>')),
                    )
                })
        })
}

/// Those that can be large.
fn is_rust_number(written: &str) -> bool {
    matches!(
        written,
        "usize" | "u32" | "u64" | "i32" | "i64" | "isize" | "u128"
    )
}
