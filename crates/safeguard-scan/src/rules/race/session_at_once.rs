//! One session of SQLAlchemy is used by several coroutines at the same time.

use std::collections::BTreeSet;

use super::shared_session;
use crate::analysis::bodies;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    run,
    ..shared_session::CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let sessions = sessions(code);
    if sessions.is_empty() {
        return;
    }
    for call in source.of_kind(Kind::Call).iter().copied() {
        if code.path(call) != "asyncio.gather" || undoes_or_tests(code, call) {
            continue;
        }
        let users: Vec<&str> = code
            .tree
            .children_in(call, Role::Arg)
            .flat_map(|arg| {
                let many = code
                    .tree
                    .subtree(arg)
                    .any(|part| code.kind(part) == Kind::Comprehension);
                let used = uses(code, arg, &sessions);
                std::iter::repeat_n(used, if many { 2 } else { 1 }).flatten()
            })
            .collect();
        if let Some(shared) = users
            .iter()
            .find(|name| users.iter().filter(|other| other == name).count() > 1)
        {
            reports.add(
                call,
                format!("`{shared}` is one connection with one transaction: two coroutines that use it at once fail, or mix up what they read"),
            );
        }
    }
}

/// Parameters and members that hold a session for one task at a time.
fn sessions(code: Code<'_>) -> BTreeSet<&str> {
    let mut found: BTreeSet<&str> = BTreeSet::new();
    let params = code.source.of_kind(Kind::Param).iter();
    for id in params.chain(code.source.of_kind(Kind::Assign)).copied() {
        let typed = code
            .child(id, Role::Type)
            .is_some_and(|of| code.name(of).ends_with("AsyncSession"));
        if typed {
            let target = code.child(id, Role::Target).unwrap_or(id);
            found.insert(code.name(target));
        }
    }
    // `self.session = session`
    for id in code.source.of_kind(Kind::Assign).iter().copied() {
        if let (Some(target), Some(value)) = (code.child(id, Role::Target), code.child(id, Role::Value))
            && code.kind(target) == Kind::Member
            && code.kind(value) == Kind::Name
            && found.contains(code.name(value))
        {
            found.insert(code.name(target));
        }
    }
    found
}

/// The session that a coroutine uses: one that it is given, one that it is a method of, or one that a method of the same object uses.
fn uses<'s>(code: Code<'s>, arg: NodeId, sessions: &BTreeSet<&'s str>) -> Option<&'s str> {
    let direct = |within: NodeId| {
        code.tree
            .subtree(within)
            .filter(|id| matches!(code.kind(*id), Kind::Name | Kind::Member))
            .map(|id| code.name(id))
            .find(|name| sessions.contains(name))
    };
    if let Some(session) = direct(arg) {
        return Some(session);
    }
    let calls = code.tree.subtree(arg).filter(|id| code.kind(*id) == Kind::Call);
    let mut methods = calls.filter(|call| code.receiver(*call).is_some_and(|of| code.name(of) == "self"));
    methods.find_map(|call| {
        let method = code
            .source
            .of_kind(Kind::Function)
            .iter()
            .copied()
            .find(|function| {
                code.name(*function) == code.called(call) && bodies::class_of(code.tree, *function).is_some()
            })?;
        direct(code.body(method)?)
    })
}
