//! What other functions of the file give, and folders that are joined from a parameter.

use crate::analysis::code::Code;
use crate::analysis::words::has_word;
use crate::tree::{Kind, NodeId, Role};

/// The parameter that a path ends in, if nothing in the function asks for it: `Join(root, tenant)` is `root` where `tenant` is empty.
pub(super) fn may_be_the_folder_itself<'s>(code: Code<'s>, path: NodeId) -> Option<&'s str> {
    let value = code.set_to(path).unwrap_or(path);
    let last = match code.kind(value) {
        Kind::Call if matches!(code.called(value), "Join" | "join" | "resolve" | "joinpath") => {
            let args = code.args(value);
            let of_path = code.called(value) == "joinpath";
            args.last().copied().filter(|_| args.len() > 1 || of_path)?
        }
        Kind::Binary if code.name(value) == "/" => code.child(value, Role::Right)?,
        _ => return None,
    };
    let name = code.name(last);
    if code.kind(last) != Kind::Name || !has_word(name, NAMES) {
        return None;
    }
    let function = code.function(path)?;
    let is_param = code
        .tree
        .children_in(function, Role::Param)
        .any(|param| code.name(param) == name);
    let asks = code.tree.subtree(function).any(|id| {
        // `if`, a loop, an assertion, a call that checks, or a value that is made anew.
        let condition = code.child(id, Role::Condition);
        let checks = code.is_call(id)
            && id != value
            && code.args(id).iter().any(|arg| code.name(*arg) == name)
            && has_word(
                code.called(id),
                &[
                    "check", "validate", "require", "ensure", "assert", "verify", "valid", "safe", "clean",
                ],
            );
        let again = code.kind(id) == Kind::Assign
            && code
                .tree
                .children_in(id, Role::Target)
                .any(|target| code.name(target) == name);
        checks || again || condition.is_some_and(|condition| code.mentions(condition, |other| other == name))
    });
    (is_param && !asks).then_some(name)
}

/// Names of what belongs to one of many.
const NAMES: &[&str] = &[
    "tenant",
    "user",
    "account",
    "customer",
    "project",
    "name",
    "id",
    "slug",
    "owner",
    "org",
    "team",
    "workspace",
    "member",
    "username",
    "site",
    "client",
];

/// What a function of the file gives, if it only gives one thing: `def existing(folder): return sorted(folder.glob("*"))`.
pub(super) fn given_by(code: Code<'_>, call: NodeId) -> Option<NodeId> {
    if code.kind(call) != Kind::Call {
        return None;
    }
    let functions = code.source.of_kind(Kind::Function).iter().copied();
    let mut named = functions.filter(|function| code.name(*function) == code.called(call));
    let (function, None) = (named.next()?, named.next()) else {
        return None;
    };
    let body = code.body(function)?;
    let statements: Vec<NodeId> = code.tree.children(body).collect();
    let only = statements.last().filter(|_| statements.len() <= 2)?;
    (code.kind(*only) == Kind::Return).then(|| code.child(*only, Role::Value))?
}

/// What lists the files of a folder.
pub(super) const LISTS: &[&str] = &[
    "glob",
    "iglob",
    "rglob",
    "listdir",
    "scandir",
    "walk",
    "iterdir",
    "readdir",
    "readdirSync",
    "globSync",
    "sync",
    "ReadDir",
    "Glob",
    "WalkDir",
    "Walk",
    "fts",
    "fg",
];

/// Whether a value is a part of a path that is put together of several.
pub(super) fn is_joined(code: Code<'_>, id: NodeId) -> bool {
    code.tree
        .parent(id)
        .is_some_and(|parent| match code.kind(parent) {
            Kind::Interp => true,
            Kind::Call => matches!(code.called(parent), "join" | "resolve" | "Join" | "joinpath"),
            _ => false,
        })
}
