//! A function of another file hands its text to a shell, and here it gets what a client sent.

use std::collections::BTreeMap;

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::outside::outside;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::elsewhere::file_of;
use crate::rules::{Check, Reports, SCRIPT_LANGUAGES};
use crate::taint;
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "command-injection",
    failure: "X3",
    severity: Severity::Critical,
    confidence: Confidence::High,
    cwe: &["CWE-78"],
    languages: SCRIPT_LANGUAGES,
    run,
};

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let sent = outside(source);
    if sent.is_empty() || source.is_test() {
        return;
    }
    // By what is handed over: whose function gets it, and which.
    let given: BTreeMap<NodeId, (&str, &str)> = source
        .calls()
        .iter()
        .filter_map(|call| Some((code.arg(*call, 0)?, callee(code, *call)?)))
        .filter(|(first, _)| matches!(code.kind(*first), Kind::Interp | Kind::Binary | Kind::Name))
        .filter(|(_, (owner, _))| source.names.imported(owner).is_some())
        .collect();
    let quoted: Vec<NodeId> = source
        .calls()
        .iter()
        .copied()
        .filter(|call| {
            code.called(*call).to_ascii_lowercase().contains("quote")
                || matches!(code.called(*call), "int" | "float" | "Number" | "parseInt")
        })
        .collect();
    let args: Vec<NodeId> = given.keys().copied().collect();
    for (reached, _) in taint::reaches(source, &sent, &args, &quoted) {
        if let Some((owner, name)) = given.get(&reached)
            && let Some(file) = file_of(source, project, owner)
            && is_shell(&file, name)
        {
            reports.add(
                reached,
                format!(
                    "`{name}` of `{}` hands this to a shell, and it holds what a client sent",
                    file.path
                ),
            );
        }
    }
}

/// The name that a call begins with, and that of the function.
fn callee<'s>(code: Code<'s>, call: NodeId) -> Option<(&'s str, &'s str)> {
    let callee = code.child(call, Role::Callee)?;
    match code.kind(callee) {
        Kind::Name => Some((code.name(callee), code.name(callee))),
        Kind::Member => {
            let object = code.child(callee, Role::Object)?;
            (code.kind(object) == Kind::Name).then(|| (code.name(object), code.name(callee)))
        }
        _ => None,
    }
}

/// Whether a function's first parameter is what it runs by a shell.
fn is_shell(file: &Source, name: &str) -> bool {
    let code = Code::of(file);
    let tree = code.tree;
    let functions = file
        .of_kind(Kind::Function)
        .iter()
        .chain(file.of_kind(Kind::Lambda));
    functions
        .copied()
        .filter(|function| code.function_name(*function) == name)
        .any(|function| {
            let Some(param) = tree
                .children_in(function, Role::Param)
                .map(|param| tree.name(param))
                .find(|param| !matches!(*param, "self" | "this"))
            else {
                return false;
            };
            tree.subtree(function).any(|call| {
                let runs = code.kind(call) == Kind::Call
                    && match code.called(call) {
                        "run" | "call" | "check_call" | "check_output" | "Popen" => {
                            code.option(call, "shell").and_then(|shell| code.boolean(shell)) == Some(true)
                        }
                        "system"
                        | "popen"
                        | "getoutput"
                        | "create_subprocess_shell"
                        | "execSync"
                        | "exec"
                        | "execAsync" => true,
                        _ => false,
                    };
                runs && code
                    .arg(call, 0)
                    .is_some_and(|first| code.kind(first) == Kind::Name && code.name(first) == param)
            })
        })
}
