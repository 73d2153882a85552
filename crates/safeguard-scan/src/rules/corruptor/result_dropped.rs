//! A changed text that nobody keeps, and the answer of a method that changes its list taken for the list.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, EVERY_LANGUAGE, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "result-dropped",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-252", "CWE-563"],
    languages: EVERY_LANGUAGE,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for statement in source.of_kind(Kind::ExprStmt).iter().copied() {
        let Some(call) = code
            .child(statement, Role::Value)
            .filter(|call| code.kind(*call) == Kind::Call)
        else {
            continue;
        };
        // Under a `try`, only whether it can be done may be asked.
        let tried = code.tree.ancestors(call).any(|around| {
            code.kind(around) == Kind::Try
                || code.kind(around) == Kind::With && code.tree.source(around).contains("raises")
        });
        if gives_another(code, call) && !tried && !undoes_or_tests(code, call) {
            reports.add(
                call,
                format!(
                    "`{}` changes nothing: it gives a new value, and nobody keeps it",
                    code.called(call)
                ),
            );
        }
    }
    for call in source.of_kind(Kind::Call).iter().copied() {
        if let Some(told) = gives_nothing(code, call)
            && !undoes_or_tests(code, call)
        {
            reports.add(call, told);
        }
    }
}

/// A method of texts, or a function over one or over a list, whose only effect is its result.
fn gives_another(code: Code<'_>, call: NodeId) -> bool {
    let name = code.called(call);
    let args = code.args(call);
    let Some(of) = code.receiver(call) else {
        return code.tree.language() == Language::Python
            && matches!(code.path(call), "sorted" | "reversed")
            && !code.source.names.is_bound(code.tree, call, name);
    };
    let texts = args.len() >= 2
        && args
            .iter()
            .take(2)
            .all(|arg| matches!(code.kind(*arg), Kind::Str | Kind::Interp | Kind::Name));
    match code.tree.language() {
        Language::Python => match name {
            // A path's `replace` takes one argument and moves the file.
            "replace" => texts && args.iter().take(2).any(|arg| code.text(*arg).is_some()),
            "strip" | "lstrip" | "rstrip" | "upper" | "lower" | "casefold" | "removeprefix"
            | "removesuffix" | "zfill" => {
                matches!(code.kind(of), Kind::Name | Kind::Member | Kind::Index)
                    && args.len() <= 1
                    && !code
                        .source
                        .names
                        .qualified(code.tree, of)
                        .is_some_and(|path| is_module(code, &path))
            }
            _ => false,
        },
        Language::JavaScript | Language::TypeScript | Language::Tsx => match name {
            "replace" | "replaceAll" => {
                let first = args.first().map(|first| code.kind(*first));
                args.len() == 2
                    // A function in the second place may be what it is called for.
                    && matches!(code.kind(args[1]), Kind::Str | Kind::Interp)
                    && matches!(first, Some(Kind::Regex | Kind::Str))
                    && !args.first().is_some_and(|first| {
                        code.name(*first).starts_with('/') && code.kind(*first) == Kind::Str
                    })
                    && !is_place(code.last_name(of))
            }
            "trim" | "trimStart" | "trimEnd" | "toUpperCase" | "toLowerCase" | "padStart" | "padEnd" => {
                matches!(code.kind(of), Kind::Name | Kind::Member | Kind::Index)
            }
            "concat" => {
                code.kind(of) == Kind::Name
                    && code
                        .set_to(of)
                        .is_some_and(|value| matches!(code.kind(value), Kind::List | Kind::Str))
            }
            _ => false,
        },
        Language::Go => {
            let path = code.path(call);
            path.strip_prefix("strings.").is_some_and(|function| {
                function.starts_with("Trim")
                    || function.starts_with("Replace")
                    || matches!(function, "ToLower" | "ToUpper" | "Title" | "Repeat" | "Join")
            })
        }
        _ => false,
    }
}

/// Whether a path begins with something that the file imports: `stringutils.strip(x)`.
fn is_module(code: Code<'_>, path: &str) -> bool {
    let first = path.split('.').next().unwrap_or(path);
    code.source.names.imported(first).is_some() || code.imports(first)
}

/// What a browser or a router is at, which `replace` moves.
fn is_place(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "router", "history", "location", "navigat", "url", "editor", "document",
    ]
    .iter()
    .any(|part| name.contains(part))
}

/// A method that changes its list and answers with nothing (in JavaScript: with a length), taken for the list.
fn gives_nothing(code: Code<'_>, call: NodeId) -> Option<String> {
    let name = code.called(call);
    let of = code.receiver(call);
    let mut whole = call;
    let mut parent = code.tree.parent(call)?;
    while code.kind(parent) == Kind::Cast {
        whole = parent;
        parent = code.tree.parent(parent)?;
    }
    let role = code.tree.role(whole);
    let kept = role == Role::Value && matches!(code.kind(parent), Kind::Assign | Kind::Return);
    match code.tree.language() {
        Language::Python => {
            let of = of?;
            if code.path(call) == "random.shuffle" {
                return kept.then(|| "`shuffle` changes the list itself and gives `None`".to_owned());
            }
            let sorts = matches!(name, "sort" | "reverse")
                && code.args(call).is_empty()
                && (code.option(call, "key").is_some() || is_list(code, of));
            let adds = matches!(name, "append" | "extend" | "insert") && is_list(code, of);
            (kept && (sorts || adds) && !code.tree.source(of).contains("objects"))
                .then(|| format!("`{name}` changes the list itself and gives `None`"))
        }
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            let of = of.filter(|_| matches!(name, "push" | "unshift"))?;
            let same = code.kind(parent) == Kind::Assign
                && role == Role::Value
                && code
                    .child(parent, Role::Target)
                    .is_some_and(|target| code.same(target, of));
            let is_setter = |name: &str| {
                name.strip_prefix("set")
                    .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_uppercase()))
            };
            let state = role == Role::Arg
                && code.kind(parent) == Kind::Call
                && code.receiver(parent).is_none()
                && is_setter(code.called(parent));
            (same || state).then(|| format!("`{name}` gives the new length, not the list"))
        }
        _ => None,
    }
}

/// Whether a name is set to a list that is written out, sorted or gathered.
fn is_list(code: Code<'_>, of: NodeId) -> bool {
    code.kind(of) == Kind::Name
        && code.set_to(of).is_some_and(|value| match code.kind(value) {
            Kind::List => true,
            Kind::Comprehension => code.name(value) == "list",
            Kind::Call => matches!(code.path(value), "list" | "sorted"),
            _ => false,
        })
}
