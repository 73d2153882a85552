//! What walks from a record to the one above it, and so on, where any record may be put below any other: a circle has no end.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::{has_word, words};
use crate::analysis::{bodies, loops, place};
use crate::language::Language;
use crate::matching::Source;
use crate::project::{Project, folder};
use crate::rule::Confidence;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::scan;
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "link-walked-in-circles",
    failure: "X2",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-674", "CWE-835"],
    languages: ALL_LANGUAGES,
    run,
};

const FILES_MAX: usize = 60;
const PARSED_MAX: usize = 12;

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    if source.is_test() {
        return;
    }
    for (node, link) in walks(code) {
        if undoes_or_tests(code, node) {
            continue;
        }
        let Some(setter) = setter_in(code, link)
            .map(str::to_owned)
            .or_else(|| setter_beside(source, project, link))
        else {
            continue;
        };
        reports.add(
            node,
            format!("this follows `{link}` until there is none, and `{setter}` stores any: two records that name each other are followed for ever"),
        );
    }
}

/// Whether a name is that of the record above: `parent_id`, `managerId`, `ParentID`.
fn is_link(name: &str) -> bool {
    let words = words(name);
    let joined = words.join("");
    words.len() > 1
        && joined.ends_with("id")
        && has_word(name, &["parent", "manager", "supervisor", "superior"])
}

/// The member or the key that names the record above.
fn link_of<'s>(code: Code<'s>, id: NodeId) -> Option<&'s str> {
    match code.kind(id) {
        Kind::Member | Kind::Index => {
            let name = code.last_name(id);
            is_link(name).then_some(name)
        }
        // Java's `category.getParentId()`
        Kind::Call if code.args(id).is_empty() => {
            let called = code.called(id);
            let name = called.strip_prefix("get").unwrap_or(called);
            is_link(name).then_some(name)
        }
        _ => None,
    }
}

/// Where a function calls itself for the record above, and the loops that go from one to the next.
fn walks(code: Code<'_>) -> Vec<(NodeId, &str)> {
    let tree = code.tree;
    let mut found = Vec::new();
    for call in code.calls() {
        let Some(function) = bodies::enclosing(tree, call) else {
            continue;
        };
        let own = code.function_name(function);
        if own.is_empty() || code.called(call) != own || remembers(code, function) {
            continue;
        }
        let link = code
            .args(call)
            .into_iter()
            .flat_map(|arg| tree.subtree(arg).collect::<Vec<_>>())
            .find_map(|part| link_of(code, part));
        if let Some(link) = link {
            found.push((call, link));
        }
    }
    for id in loops::conditional(code.source) {
        let Some(function) = bodies::enclosing(tree, id) else {
            continue;
        };
        if code.child(id, Role::Update).is_some() || remembers(code, function) {
            continue;
        }
        let round = loops::round(tree, id);
        let step = round.iter().copied().find_map(|assign| {
            let target = code
                .child(assign, Role::Target)
                .filter(|_| code.kind(assign) == Kind::Assign)?;
            let value = code.child(assign, Role::Value)?;
            let (name, link) = tree.subtree(value).find_map(|part| {
                let link = link_of(code, part)?;
                Some((code.first_name(part), link))
            })?;
            // `at = at.parent_id`, `at = load(at.parent_id)`, `id = row.parent_id` of a row that is looked up by `id`
            let first = match code.kind(target) {
                Kind::Tuple => tree.children(target).next().map_or("", |first| code.name(first)),
                _ => code.name(target),
            };
            let by_way = round.iter().any(|other| {
                code.kind(*other) == Kind::Assign
                    && code
                        .child(*other, Role::Target)
                        .is_some_and(|target| tree.subtree(target).any(|part| code.name(part) == name))
                    && code
                        .child(*other, Role::Value)
                        .is_some_and(|value| code.mentions(value, |used| used == first))
            });
            (!first.is_empty() && (name == first || by_way)).then_some(link)
        });
        if let Some(link) = step {
            found.push((id, link));
        }
    }
    found
}

/// Whether a function knows how far it has come, or where it has been.
fn remembers(code: Code<'_>, function: NodeId) -> bool {
    const KNOWS: &[&str] = &[
        "depth",
        "level",
        "levels",
        "seen",
        "visited",
        "limit",
        "max",
        "hops",
        "steps",
        "remaining",
        "cycle",
        "guard",
        "known",
        "checked",
        "count",
        "rounds",
        "attempts",
    ];
    let tree = code.tree;
    let named = |name: &str| has_word(name, KNOWS);
    tree.children_in(function, Role::Param)
        .any(|param| named(code.name(param)))
        || code.body(function).is_none_or(|body| {
            code.mentions(body, |name| {
                named(name) || matches!(name, "range" | "has" | "contains" | "includes")
            }) || tree
                .subtree(body)
                .any(|id| code.kind(id) == Kind::Binary && matches!(code.name(id), "in" | "not in"))
        })
}

/// The function of a file that stores any number as the record above of one that is there.
fn setter_in<'s>(code: Code<'s>, link: &str) -> Option<&'s str> {
    let tree = code.tree;
    let plain = |name: &str| words(name).join("");
    let wanted = plain(link);
    let assigned = code
        .source
        .of_kind(Kind::Assign)
        .iter()
        .copied()
        .filter_map(|assign| {
            let target = code.child(assign, Role::Target)?;
            let value = code.child(assign, Role::Value)?;
            let of_record = matches!(code.kind(target), Kind::Member | Kind::Index)
                && plain(code.last_name(target)) == wanted
                && code
                    .child(target, Role::Object)
                    .is_some_and(|of| is_looked_up(code, of));
            of_record.then_some((assign, value))
        });
    // Java's `category.setParentId(parent)`
    let called = code.calls().into_iter().filter_map(|call| {
        let set = code.called(call).strip_prefix("set")?;
        let of = code.receiver(call)?;
        (plain(set) == wanted && is_looked_up(code, of)).then_some(())?;
        Some((call, code.arg(call, 0)?))
    });
    let by_value = assigned
        .collect::<Vec<_>>()
        .into_iter()
        .chain(called)
        .find_map(|(at, value)| {
            let function = bodies::enclosing(tree, at)?;
            let name = code.first_name(value);
            (bodies::has_param(tree, function, name) && !is_checked(code, function, name))
                .then(|| code.function_name(function))
        });
    by_value
        .or_else(|| {
            code.calls().into_iter().find_map(|call| {
                let function = bodies::enclosing(tree, call)?;
                let stores = tree.children_in(call, Role::Arg).take(1).any(|arg| {
                    code.text(arg).is_some_and(|text| {
                        let lower = text.to_ascii_lowercase();
                        lower.trim_start().starts_with("update ")
                            && lower.split_once(" set ").is_some_and(|(_, set)| {
                                let set = set.split(" where ").next().unwrap_or("").replace(' ', "");
                                [
                                    format!("{link}=$"),
                                    format!("{link}=?"),
                                    format!("{link}=%s"),
                                    format!("{link}=:"),
                                ]
                                .iter()
                                .any(|form| set.contains(&form.to_ascii_lowercase()))
                            })
                    })
                });
                (stores && !is_checked(code, function, link)).then(|| code.function_name(function))
            })
        })
        .filter(|name| !name.is_empty())
}

/// Whether a record was there before: it is found by a key.
fn is_looked_up(code: Code<'_>, of: NodeId) -> bool {
    let from = code.set_to(of).unwrap_or(of);
    code.tree.subtree(from).any(|part| match code.kind(part) {
        Kind::Index => true,
        Kind::Call => has_word(
            code.called(part),
            &[
                "get",
                "find",
                "load",
                "fetch",
                "first",
                "one",
                "lookup",
                "query",
                "orElseThrow",
            ],
        ),
        _ => false,
    })
}

/// Whether a function looks at what it stores, but for whether it is there.
fn is_checked(code: Code<'_>, function: NodeId, name: &str) -> bool {
    const CHECKS: &[&str] = &[
        "cycle",
        "cyclic",
        "circular",
        "ancestor",
        "ancestors",
        "descendant",
        "descendants",
        "subtree",
        "loop",
        "validate",
        "check",
        "ensure",
        "assert",
        "verify",
        "clean",
        "below",
        "above",
        "inside",
        "allowed",
        "recursive",
        "path",
    ];
    let tree = code.tree;
    let Some(body) = code.body(function) else {
        return true;
    };
    code.mentions(body, |name| has_word(name, CHECKS))
        || code
            .texts_in(body)
            .any(|text| text.to_ascii_lowercase().contains("recursive"))
        || tree.subtree(body).any(|id| {
            let Some((operator, left, right)) = code.comparison(id) else {
                return false;
            };
            matches!(operator, "==" | "!=" | "===" | "!==" | "in" | "not in")
                && !code.is_null(left)
                && !code.is_null(right)
                && [left, right].iter().any(|side| {
                    words(code.last_name(*side)).join("") == words(name).join("")
                        || is_link(code.last_name(*side))
                })
        })
}

fn setter_beside(source: &Source, project: &Project, link: &str) -> Option<String> {
    let own = folder(&source.path);
    let language = source.tree.language();
    let mut parsed = 0;
    project
        .below(own)
        .filter(|path| *path != source.path && !place::is_test(path) && Language::of(path) == Some(language))
        .take(FILES_MAX)
        .find_map(|path| {
            let text = project
                .text(path)
                .filter(|text| text.contains(link) && parsed < PARSED_MAX)?;
            parsed += 1;
            let other = scan::read(path, language, &text).ok()?;
            setter_in(Code::of(&other), link).map(str::to_owned)
        })
}
