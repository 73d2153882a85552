//! A state of React that is changed in place, and a part of a table of pandas that is changed and thrown away.

use super::lost_step;
use crate::analysis::bodies;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports, SCRIPT_LANGUAGES};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: SCRIPT_LANGUAGES,
    run,
    ..lost_step::CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    if source.tree.language() == Language::Python {
        if code.imports("pandas") {
            tables(code, reports);
        }
        return;
    }
    for assign in source.of_kind(Kind::Assign).iter().copied() {
        if let Some((state, setter)) = state(code, assign) {
            in_place(code, state, setter, reports);
        }
    }
}

/// `const [lines, setLines] = useState(…)`
fn state(code: Code<'_>, assign: NodeId) -> Option<(&str, &str)> {
    let value = code
        .child(assign, Role::Value)
        .filter(|value| code.kind(*value) == Kind::Call)?;
    let target = code
        .child(assign, Role::Target)
        .filter(|_| code.called(value) == "useState")?;
    let mut names = code.tree.children(target).map(|name| code.name(name));
    Some((names.next()?, names.next()?))
}

/// `lines.push(line); setLines(lines)`: React sees the same list, and renders nothing.
fn in_place(code: Code<'_>, state: &str, setter: &str, reports: &mut Reports) {
    for call in code.source.of_kind(Kind::Call).iter().copied() {
        let same = code.receiver(call).is_none()
            && code.called(call) == setter
            && code
                .arg(call, 0)
                .is_some_and(|arg| code.kind(arg) == Kind::Name && code.name(arg) == state);
        let Some(function) = code.function(call).filter(|_| same) else {
            continue;
        };
        if bodies::has_param(code.tree, function, state) {
            continue;
        }
        let changed = bodies::body(code.tree, function)
            .into_iter()
            .filter(|id| *id < call)
            .find(|id| match code.kind(*id) {
                Kind::Call => {
                    matches!(
                        code.called(*id),
                        "push" | "unshift" | "splice" | "sort" | "reverse" | "pop" | "shift"
                    ) && code
                        .receiver(*id)
                        .is_some_and(|of| code.kind(of) == Kind::Name && code.name(of) == state)
                }
                Kind::Assign => code.child(*id, Role::Target).is_some_and(|target| {
                    matches!(code.kind(target), Kind::Member | Kind::Index)
                        && code.first_name(target) == state
                }),
                _ => false,
            });
        let set_anew = bodies::body(code.tree, function).into_iter().any(|id| {
            code.kind(id) == Kind::Assign
                && code
                    .child(id, Role::Target)
                    .is_some_and(|target| code.kind(target) == Kind::Name && code.name(target) == state)
        });
        if changed.is_some() && !set_anew && !undoes_or_tests(code, call) {
            let told = format!(
                "`{state}` is the same object as before, so that React shows nothing of the change: give `{setter}` a new one"
            );
            // Another state that is set makes React look at this one too.
            let others = bodies::body(code.tree, function).into_iter().any(|id| {
                code.kind(id) == Kind::Call
                    && code.receiver(id).is_none()
                    && code.called(id) != setter
                    && code.called(id).starts_with("set")
            });
            if others {
                reports.note(call, told);
            } else {
                reports.add(call, told);
            }
        }
    }
}

/// `sales[sales["country"] == "CH"]["gross"] = 0`: the selection is a copy.
fn tables(code: Code<'_>, reports: &mut Reports) {
    for assign in code.source.of_kind(Kind::Assign).iter().copied() {
        let Some(target) = code
            .child(assign, Role::Target)
            .filter(|target| code.kind(*target) == Kind::Index)
        else {
            continue;
        };
        let Some(inner) = code
            .child(target, Role::Object)
            .filter(|inner| code.kind(*inner) == Kind::Index)
        else {
            continue;
        };
        let selects = code.child(inner, Role::Index).is_some_and(|index| {
            matches!(code.kind(index), Kind::Binary | Kind::Compare)
                || code.kind(index) == Kind::Unary && code.name(index) == "~"
                || code.kind(index) == Kind::Call
                    && matches!(
                        code.called(index),
                        "isin" | "isna" | "notna" | "isnull" | "between"
                    )
        });
        if selects && !undoes_or_tests(code, assign) {
            reports.add(
                assign,
                "the rows that are chosen are a copy: it is changed and thrown away, and the table stays as it was; `.loc[rows, column]` changes the table",
            );
        }
    }
}
