//! Go: a loop changes its own copy of an element, and the slice stays as it was.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static NIL_MAP: Check = Check {
    id: "nil-map-write",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-476"],
    languages: &[Language::Go],
    run: nil_map,
};

pub static COPY: Check = Check {
    id: "copy-changed",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-563"],
    languages: &[Language::Go],
    run: copy,
};

/// `var m map[string]int` and then `m["a"] = 1`.
fn nil_map(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for declared in source.of_kind(Kind::Assign).iter().copied() {
        let map = code.child(declared, Role::Value).is_none()
            && code
                .child(declared, Role::Type)
                .is_some_and(|ty| code.name(ty).starts_with("map["));
        let (Some(target), Some(function)) = (code.child(declared, Role::Target), code.function(declared))
        else {
            continue;
        };
        if !map {
            continue;
        }
        let is_it = |id: NodeId| code.kind(id) == Kind::Name && code.name(id) == code.name(target);
        let begin = code.tree.span(declared).end;
        for id in code
            .tree
            .subtree(function)
            .filter(|id| code.tree.span(*id).start >= begin)
        {
            // Whatever may fill it: an assignment, its address.
            let filled = match code.kind(id) {
                Kind::Assign => code.tree.children_in(id, Role::Target).any(|other| {
                    is_it(other) || code.kind(other) == Kind::Tuple && code.tree.children(other).any(is_it)
                }),
                Kind::Unary => code.name(id) == "&" && code.tree.children(id).any(is_it),
                _ => false,
            };
            if filled {
                break;
            }
            let written = code.kind(id) == Kind::Assign
                && code.tree.children_in(id, Role::Target).any(|other| {
                    code.kind(other) == Kind::Index && code.child(other, Role::Object).is_some_and(is_it)
                });
            if written {
                reports.add(
                    id,
                    format!("`{}` is nil: writing to it panics", code.name(target)),
                );
                break;
            }
        }
    }
}

/// `for _, x := range xs { x.Done = true }` of values: the slice stays as it was.
fn copy(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for each in source.of_kind(Kind::ForEach).iter().copied() {
        let (Some(iter), Some(body)) = (code.child(each, Role::Iter), code.child(each, Role::Body)) else {
            continue;
        };
        let targets: Vec<NodeId> = code
            .tree
            .children_in(each, Role::Target)
            .flat_map(|target| {
                if code.kind(target) == Kind::Tuple {
                    code.tree.children(target).collect::<Vec<_>>()
                } else {
                    vec![target]
                }
            })
            .collect();
        let [_, value] = targets.as_slice() else {
            continue;
        };
        let name = code.name(*value);
        if name == "_" || name.is_empty() {
            continue;
        }
        let of_it = |id: NodeId| {
            code.kind(id) == Kind::Member
                && code
                    .child(id, Role::Object)
                    .is_some_and(|of| code.kind(of) == Kind::Name && code.name(of) == name)
        };
        let written: Vec<NodeId> = code
            .tree
            .subtree(body)
            .filter(|id| {
                code.kind(*id) == Kind::Assign && code.tree.children_in(*id, Role::Target).any(of_it)
            })
            .collect();
        let Some(first) = written.first().copied() else {
            continue;
        };
        // The copy itself is used after: put back, passed on, returned.
        let used = code.tree.subtree(body).any(|id| {
            code.kind(id) == Kind::Name
                && code.name(id) == name
                && !written.iter().any(|assign| code.tree.within(id, *assign))
                && code.tree.span(id).start > code.tree.span(first).start
        });
        if used {
            if let Some(told) = changes_its_own(code, each, iter, name, &written) {
                reports.add(first, told);
            }
            continue;
        }
        match element_type(code, iter) {
            Some(element)
                if element.starts_with('*')
                    || element.starts_with("map[")
                    || element.starts_with("interface") => {}
            Some(_) => reports.add(
                first,
                format!(
                    "`{name}` is a copy: the change is lost, `{}` stays as it was",
                    code.tree.source(iter)
                ),
            ),
            None => reports.note(first, format!("`{name}` may be a copy: then the change is lost")),
        }
    }
}

/// A method that changes its own object, gives nothing back, and steps through a slice of that object: it sums up from copies that are
/// changed, and keeps none of them.
fn changes_its_own(
    code: Code<'_>,
    each: NodeId,
    iter: NodeId,
    name: &str,
    written: &[NodeId],
) -> Option<String> {
    let tree = code.tree;
    let function = code.function(each)?;
    let body = tree.child(each, Role::Body)?;
    let receiver = tree.child(function, Role::Receiver)?;
    let own = tree.name(receiver);
    let by_pointer = tree
        .child(receiver, Role::Type)
        .is_some_and(|ty| tree.name(ty).starts_with('*'));
    let gives = tree
        .child(function, Role::Type)
        .is_some_and(|ty| tree.name(ty) != "error");
    let is_own = |id: NodeId| tree.kind(id) == Kind::Member && code.first_name(id) == own;
    let element = element_type(code, iter)?;
    let plain = element.starts_with(char::is_alphabetic)
        && !element.starts_with("map[")
        && !element.starts_with("interface");
    if !by_pointer || gives || !is_own(iter) || !plain {
        return None;
    }
    // The object itself is changed too, so it is what the method is there for.
    let changed = tree
        .subtree(function)
        .any(|id| tree.kind(id) == Kind::Assign && tree.children_in(id, Role::Target).any(is_own));
    let target = |assign: NodeId| tree.child(assign, Role::Target);
    // A new value that is made from the old one, on every step.
    let steps = written.iter().any(|assign| {
        let anew = tree.name(*assign) != "="
            || tree.child(*assign, Role::Value).is_some_and(|value| {
                tree.subtree(value)
                    .any(|id| tree.kind(id) == Kind::Name && tree.name(id) == name)
            });
        anew && tree.parent(*assign) == Some(body)
    });
    // Its fields are read at most: it is put nowhere, and nobody gets it.
    let only_fields = tree.subtree(body).all(|id| {
        tree.kind(id) != Kind::Name
            || tree.name(id) != name
            || tree.parent(id).is_some_and(|parent| {
                tree.kind(parent) == Kind::Member
                    && tree.role(id) == Role::Object
                    && !tree.parent(parent).is_some_and(|call| {
                        tree.kind(call) == Kind::Call && tree.role(parent) == Role::Callee
                    })
            })
    });
    (changed && steps && only_fields).then(|| {
        let field = written
            .iter()
            .find_map(|assign| target(*assign))
            .map_or(name, |target| tree.source(target));
        format!(
            "`{name}` is a copy: `{field}` is changed in it alone, and `{}` stays as it was",
            tree.source(iter)
        )
    })
}

/// The type of the elements of what a loop goes through, where the function or the file says it.
fn element_type(code: Code<'_>, iter: NodeId) -> Option<String> {
    let of = |ty: &str| {
        ty.strip_prefix("[]")
            .or_else(|| {
                ty.strip_prefix('[')
                    .and_then(|rest| rest.split_once(']'))
                    .map(|(_, rest)| rest)
            })
            .or_else(|| {
                ty.strip_prefix("map[")
                    .and_then(|rest| rest.split_once(']'))
                    .map(|(_, rest)| rest)
            })
            .map(str::to_owned)
    };
    let iter = code.bare(iter);
    match code.kind(iter) {
        Kind::Name => {
            let name = code.name(iter);
            let function = code.function(iter)?;
            if let Some(value) = code.set_to(iter).filter(|value| *value != iter) {
                if code.kind(value) == Kind::Composite {
                    return of(code.name(value));
                }
                if code.kind(value) == Kind::Call && code.path(value) == "make" {
                    return code.arg(value, 0).and_then(|ty| of(code.tree.source(ty)));
                }
            }
            code.tree.subtree(function).find_map(|id| match code.kind(id) {
                Kind::Param if code.name(id) == name => of(code.name(code.child(id, Role::Type)?)),
                Kind::Assign
                    if code
                        .child(id, Role::Target)
                        .is_some_and(|target| code.name(target) == name) =>
                {
                    of(code.name(code.child(id, Role::Type)?))
                }
                _ => None,
            })
        }
        // A field that one struct of the file has.
        Kind::Member => {
            let mut types = code
                .source
                .of_kind(Kind::Field)
                .iter()
                .filter(|field| code.name(**field) == code.name(iter))
                .filter_map(|field| code.child(*field, Role::Type))
                .map(|ty| code.name(ty));
            let only = types.next()?;
            types.all(|other| other == only).then(|| of(only))?
        }
        _ => None,
    }
}
