//! Java: a stream that runs on many threads adds to a collection for one.

use super::unlocked_map;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::typed::made_type;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: &[Language::Java],
    run,
    ..unlocked_map::CHECK
};

const ADDS: &[&str] = &[
    "add",
    "addAll",
    "put",
    "putAll",
    "merge",
    "computeIfAbsent",
    "append",
];
const PLAIN: &[&str] = &[
    "ArrayList",
    "LinkedList",
    "HashMap",
    "TreeMap",
    "LinkedHashMap",
    "HashSet",
    "TreeSet",
    "LinkedHashSet",
    "ArrayDeque",
    "StringBuilder",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.of_kind(Kind::Call).iter().copied() {
        if !matches!(code.called(call), "forEach" | "map" | "peek")
            || !is_parallel(code, call)
            || undoes_or_tests(code, call)
        {
            continue;
        }
        let Some(does) = code.arg(call, 0) else {
            continue;
        };
        if let Some((at, of)) = added(code, does) {
            reports.add(
                at,
                format!("the threads of the stream add to `{}` at the same time, which is made for one: entries are lost", code.tree.source(of)),
            );
        }
    }
}

/// Whether a chain of a stream has `parallelStream()` or `parallel()` in it.
fn is_parallel(code: Code<'_>, call: NodeId) -> bool {
    let mut at = code.receiver(call);
    while let Some(of) = at.filter(|of| code.kind(*of) == Kind::Call) {
        if matches!(code.called(of), "parallelStream" | "parallel") {
            return true;
        }
        at = code.receiver(of);
    }
    false
}

/// Where a lambda adds to a plain collection from outside, and to which: also `quotes::add`.
fn added(code: Code<'_>, does: NodeId) -> Option<(NodeId, NodeId)> {
    let plain = |of: NodeId| {
        code.kind(of) == Kind::Name
            && made_type(code.source, of)
                .is_some_and(|made| PLAIN.contains(&made.split('<').next().unwrap_or(made)))
    };
    if code.kind(does) == Kind::Member && ADDS.contains(&code.name(does)) {
        let of = code.child(does, Role::Object)?;
        return plain(of).then_some((does, of));
    }
    if code.kind(does) != Kind::Lambda {
        return None;
    }
    code.tree
        .subtree(does)
        .filter(|id| code.kind(*id) == Kind::Call && ADDS.contains(&code.called(*id)))
        .filter_map(|id| Some((id, code.receiver(id)?)))
        .find(|(id, of)| {
            let locked = code
                .tree
                .ancestors(*id)
                .take_while(|around| *around != does)
                .any(|around| code.kind(around) == Kind::With);
            let own = code.tree.subtree(does).any(|part| {
                matches!(code.kind(part), Kind::Assign | Kind::Param)
                    && (code.name(part) == code.name(*of)
                        || code
                            .child(part, Role::Target)
                            .is_some_and(|target| code.name(target) == code.name(*of)))
            });
            plain(*of) && !locked && !own
        })
}
