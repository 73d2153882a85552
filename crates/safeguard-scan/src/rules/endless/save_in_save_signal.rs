//! What is called when a row has been saved, and saves that row again.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::{bodies, calls, reach};
use crate::language::Language;
use crate::matching::Source;
use crate::names::functions_around;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, EVERY_LANGUAGE, Reports};
use crate::tree::{Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "save-in-save-signal",
    failure: "X2",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-674"],
    languages: EVERY_LANGUAGE,
    run,
};

const HOPS_MAX: usize = 2;
const TOLD: &str =
    "this is called when the row has been saved, and saves it again: it calls itself without an end";

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let functions = source
        .of_kind(Kind::Function)
        .iter()
        .chain(source.of_kind(Kind::Lambda));
    for function in functions.copied() {
        let row = match code.tree.language() {
            Language::Python => django(code, function),
            Language::Go => gorm(code, function),
            _ => hook(code, function),
        };
        if let Some(row) = row
            && let Some(save) = always_saves(code, function, &row, 0)
        {
            reports.add(save, TOLD);
        }
    }
}

/// The instance's name in a receiver of Django's `post_save` or `pre_save`.
fn django(code: Code<'_>, function: NodeId) -> Option<String> {
    let is_signal = |id: NodeId| {
        code.tree.subtree(id).any(|part| {
            matches!(code.kind(part), Kind::Name | Kind::Member)
                && matches!(code.name(part), "post_save" | "pre_save")
        })
    };
    let decorated = code.tree.children_in(function, Role::Decorator).any(|decorator| {
        code.child(decorator, Role::Value).is_some_and(|value| {
            code.kind(value) == Kind::Call && code.called(value) == "receiver" && is_signal(value)
        })
    });
    let connected = || {
        code.calls().into_iter().any(|call| {
            code.called(call) == "connect"
                && code.receiver(call).is_some_and(is_signal)
                && code
                    .arg(call, 0)
                    .is_some_and(|arg| code.kind(arg) == Kind::Name && code.name(arg) == code.name(function))
        })
    };
    let takes = bodies::params(code.tree, function).any(|param| code.name(param) == "instance");
    (takes && (decorated || connected())).then(|| "instance".to_owned())
}

/// gorm's `AfterSave` and its like.
fn gorm(code: Code<'_>, function: NodeId) -> Option<String> {
    let receiver = code.child(function, Role::Receiver)?;
    let takes = bodies::params(code.tree, function).any(|param| {
        code.child(param, Role::Type)
            .is_some_and(|ty| code.name(ty) == "*gorm.DB")
    });
    (takes
        && matches!(
            code.name(function),
            "AfterSave" | "BeforeSave" | "AfterUpdate" | "BeforeUpdate"
        ))
    .then(|| code.name(receiver).to_owned())
}

/// `schema.post('save', async function (doc) { … })`, `Order.afterSave(async (order) => …)`.
fn hook(code: Code<'_>, function: NodeId) -> Option<String> {
    let call = code
        .tree
        .parent(function)
        .filter(|call| code.kind(*call) == Kind::Call && code.tree.role(function) == Role::Arg)?;
    let event = code.arg(call, 0).and_then(|event| code.text(event)).unwrap_or("");
    let first = bodies::params(code.tree, function)
        .next()
        .map(|param| code.name(param).to_owned());
    match code.called(call) {
        "post" | "pre" if event == "save" => match first {
            Some(name) if code.called(call) == "post" && !name.is_empty() => Some(name),
            _ => Some("this".to_owned()),
        },
        "afterSave" | "afterUpdate" | "beforeSave" | "beforeUpdate" => first,
        "addHook" if matches!(event, "afterSave" | "afterUpdate" | "beforeSave" | "beforeUpdate") => first,
        _ => None,
    }
}

/// The call that saves a row whenever the function runs.
fn always_saves(code: Code<'_>, function: NodeId, row: &str, hops: usize) -> Option<NodeId> {
    let tree = code.tree;
    let body = code.body(function)?;
    let nodes = bodies::running(tree, body);
    let quiet = nodes.iter().any(|id| {
        matches!(code.kind(*id), Kind::Name | Kind::Member)
            && matches!(code.name(*id), "disconnect" | "mute" | "save_base")
    });
    if quiet {
        return None;
    }
    for call in nodes.iter().copied().filter(|id| code.kind(*id) == Kind::Call) {
        let leaves_before = nodes.iter().any(|id| {
            *id < call && matches!(code.kind(*id), Kind::Return | Kind::Raise) && !tree.within(call, *id)
        });
        if leaves_before || !reach::always(tree, call, body) {
            continue;
        }
        if saves(code, call, row) {
            return Some(call);
        }
        // `recompute(instance)`, which saves what it is given.
        let name = calls::name(tree, call);
        if hops < HOPS_MAX && code.receiver(call).is_none() && !name.is_empty() {
            let at = code.args(call).iter().position(|arg| is_row(tree, *arg, row));
            let helper =
                code.source.of_kind(Kind::Function).iter().copied().find(|other| {
                    code.name(*other) == name && functions_around(tree, *other).next().is_none()
                });
            if let (Some(at), Some(helper)) = (at, helper)
                && let Some(param) = bodies::params(tree, helper).nth(at)
                && helper != function
                && always_saves(code, helper, code.name(param), hops + 1).is_some()
            {
                return Some(call);
            }
        }
    }
    None
}

fn is_row(tree: &Tree, id: NodeId, row: &str) -> bool {
    match tree.kind(id) {
        Kind::Name => tree.name(id) == row,
        Kind::Unary => tree
            .child(id, Role::Value)
            .is_some_and(|value| is_row(tree, value, row)),
        _ => row == "this" && tree.source(id) == "this",
    }
}

fn saves(code: Code<'_>, call: NodeId, row: &str) -> bool {
    let on_it = code.receiver(call).is_some_and(|of| is_row(code.tree, of, row));
    match code.called(call) {
        "save" | "asave" => on_it && !code.tree.source(call).contains("hooks: false"),
        // gorm: `tx.Save(u)`, `tx.Model(u).Update(…)`
        "Save" => code.arg(call, 0).is_some_and(|arg| is_row(code.tree, arg, row)) && !skips(code, call),
        "Update" | "Updates" => {
            !skips(code, call)
                && code.receiver(call).is_some_and(|of| {
                    code.kind(of) == Kind::Call
                        && code.called(of) == "Model"
                        && code.arg(of, 0).is_some_and(|arg| is_row(code.tree, arg, row))
                })
        }
        _ => false,
    }
}

/// Whether a session of gorm leaves the hooks out.
fn skips(code: Code<'_>, call: NodeId) -> bool {
    code.mentions(call, |name| name == "SkipHooks") || code.mentions_text(call, "SkipHooks")
}
