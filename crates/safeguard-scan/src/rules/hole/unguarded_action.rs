//! Next.js: a server action that changes something and asks nobody who they are, where those beside it do.

use super::missing_authentication::{self, OPEN};
use crate::analysis::code::Code;
use crate::analysis::handlers::{is_guard, looks_at_caller};
use crate::analysis::words::{is_about_access, words};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Flags, Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: &[Language::JavaScript, Language::Tsx, Language::TypeScript],
    run,
    ..missing_authentication::CHECK
};

const WRITES: &[&str] = &[
    "create",
    "createMany",
    "delete",
    "deleteMany",
    "insert",
    "update",
    "updateMany",
    "upsert",
    "destroy",
    "deleteOne",
    "updateOne",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let tree = code.tree;
    let is_server = tree.children(NodeId::ROOT).next().is_some_and(|first| {
        code.kind(first) == Kind::ExprStmt
            && code
                .child(first, Role::Value)
                .is_some_and(|value| code.kind(value) == Kind::Str && code.name(value) == "use server")
    });
    if !is_server {
        return;
    }
    let actions: Vec<NodeId> = source
        .of_kind(Kind::Function)
        .iter()
        .chain(source.of_kind(Kind::Lambda))
        .copied()
        .filter(|function| is_exported(code, *function))
        .collect();
    let asks = |function: NodeId| {
        looks_at_caller(code, function) && !only_takes(code, function)
            || tree.subtree(function).any(|id| {
                code.kind(id) == Kind::Call && {
                    let name = code.called(id);
                    is_guard(name)
                        || is_about_access(name)
                        || matches!(name, "auth" | "getUser" | "getSession" | "currentUser")
                }
            })
    };
    let Some(beside) = actions.iter().copied().find(|action| asks(*action)) else {
        return;
    };
    for action in actions.iter().copied() {
        let name = code.function_name(action);
        let open = words(name).iter().any(|word| OPEN.contains(&word.as_str()));
        if open || asks(action) {
            continue;
        }
        let writes = tree.subtree(action).find(|id| {
            code.kind(*id) == Kind::Call
                && WRITES.contains(&code.called(*id))
                && code.first_name_of_call(*id).is_some_and(|first| {
                    matches!(first, "prisma" | "db" | "tx" | "supabase" | "knex" | "database")
                })
        });
        if let Some(at) = writes {
            reports.add(
                at,
                format!(
                    "everybody can call `{name}`, which changes something and asks nobody who they are, while `{}` beside it does",
                    code.function_name(beside)
                ),
            );
        }
    }
}

/// Whether all that a function looks at is whose id it is given: that one is who sends it, whoever they are.
fn only_takes(code: Code<'_>, function: NodeId) -> bool {
    const IDS: &[&str] = &["userId", "user_id", "UserID"];
    let taken: Vec<&str> = code
        .tree
        .children_in(function, Role::Param)
        .flat_map(|param| code.tree.subtree(param))
        .map(|part| code.name(part))
        .filter(|name| IDS.contains(name))
        .collect();
    let looked: Vec<NodeId> = code
        .tree
        .subtree(function)
        .filter(|id| matches!(code.kind(*id), Kind::Name | Kind::Member))
        .filter(|id| {
            let name = code.name(*id);
            is_about_access(name)
                || matches!(
                    name,
                    "session" | "user" | "auth" | "claims" | "principal" | "identity"
                )
        })
        .collect();
    !taken.is_empty() && looked.iter().all(|id| taken.contains(&code.name(*id)))
}

/// `export async function f`, `export const f = async () => …`
fn is_exported(code: Code<'_>, function: NodeId) -> bool {
    let tree = code.tree;
    let around = match code.kind(function) {
        Kind::Function => function,
        _ => match tree
            .parent(function)
            .filter(|parent| code.kind(*parent) == Kind::Assign)
        {
            Some(assign) => assign,
            None => return false,
        },
    };
    tree.flags(around).has(Flags::EXPORTED) && tree.parent(around) == Some(NodeId::ROOT)
}
