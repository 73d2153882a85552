//! A check whose answer is thrown away, or never waited for.

use safeguard_api::evidence::Severity;

use super::EVERY;
use super::tls_not_verified::short;
use crate::analysis::code::Code;
use crate::analysis::words::is_about_access;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Flags, Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "check-without-effect",
    failure: "X3",
    severity: Severity::Critical,
    confidence: Confidence::High,
    cwe: &["CWE-252", "CWE-253", "CWE-480"],
    languages: EVERY,
    run,
};

/// What only answers, and does nothing else.
fn answers(code: Code<'_>, call: NodeId) -> bool {
    let path = code.path(call);
    matches!(
        path,
        "hmac.compare_digest"
            | "secrets.compare_digest"
            | "crypto.timingSafeEqual"
            | "hmac.Equal"
            | "subtle.ConstantTimeCompare"
            | "bcrypt.CompareHashAndPassword"
            | "bcrypt.checkpw"
            | "werkzeug.security.check_password_hash"
            | "django.contrib.auth.hashers.check_password"
            | "bcrypt.compareSync"
            | "bcryptjs.compareSync"
    ) || matches!(
        code.called(call),
        "compare_digest"
            | "timingSafeEqual"
            | "check_password_hash"
            | "checkpw"
            | "check_password"
            | "compareSync"
            | "has_perm"
            | "CompareHashAndPassword"
            | "ConstantTimeCompare"
            | "has_object_permission"
    ) || promises(code, call)
}

/// What answers later.
fn promises(code: Code<'_>, call: NodeId) -> bool {
    matches!(
        code.path(call),
        "bcrypt.compare"
            | "bcryptjs.compare"
            | "argon2.verify"
            | "@node-rs/bcrypt.compare"
            | "@node-rs/argon2.verify"
            | "jose.jwtVerify"
    ) && code.args(call).len() < 3
}

fn run(source: &Source, _project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for statement in source.of_kind(Kind::ExprStmt) {
        let Some(value) = code.child(*statement, Role::Value) else {
            continue;
        };
        let call = code.bare(value);
        // What has failed to verify throws: `await jwtVerify(…)`, and so does the method of an object that is told what to compare with.
        if code.is_call(call)
            && answers(code, call)
            && code.called(call) != "jwtVerify"
            && !is_last(code, *statement)
        {
            reports.add(
                *statement,
                format!("nobody looks at what `{}` answers", short(code, call)),
            );
        }
    }
    for assign in source.of_kind(Kind::Assign) {
        let dropped = code
            .tree
            .children_in(*assign, Role::Target)
            .all(|target| code.tree.source(target) == "_");
        if let Some(call) = code.child(*assign, Role::Value)
            && dropped
            && code.is_call(call)
            && answers(code, call)
        {
            reports.add(
                *assign,
                format!("what `{}` answers is thrown away", short(code, call)),
            );
        }
    }
    if code.tree.language() != Language::Go {
        for call in code.calls() {
            not_awaited(code, call, reports);
        }
    }
}

/// A lambda's or a script's last expression is its value.
fn is_last(code: Code<'_>, statement: NodeId) -> bool {
    code.tree
        .parent(statement)
        .is_some_and(|parent| code.kind(parent) == Kind::Lambda)
}

/// `if (bcrypt.compare(…))`, `if verify_token(…):` where the function is `async`: the promise itself is always true.
fn not_awaited(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    let later = promises(code, call) || {
        let called = code.called(call);
        let own = code
            .receiver(call)
            .is_none_or(|of| matches!(code.tree.source(of), "this" | "self"));
        own && is_about_access(called) && is_async(code, called, call)
    };
    if !later {
        return;
    }
    if is_condition(code, call) {
        reports.add(
            call,
            format!(
                "`{}` is not awaited, and what is not awaited counts as true for everybody",
                short(code, call)
            ),
        );
        return;
    }
    // `const ok = bcrypt.compare(…); if (!ok) …`
    let Some(assign) = code
        .tree
        .parent(call)
        .filter(|parent| code.kind(*parent) == Kind::Assign)
    else {
        return;
    };
    let Some(target) = code
        .child(assign, Role::Target)
        .filter(|target| code.kind(*target) == Kind::Name)
    else {
        return;
    };
    let function = code.function(call).unwrap_or(NodeId::ROOT);
    let name = code.name(target);
    let asked = code.tree.subtree(function).any(|id| {
        code.kind(id) == Kind::Name
            && code.name(id) == name
            && code.tree.span(id).start > code.tree.span(assign).end
            && is_condition(code, id)
    });
    let awaited = code.tree.subtree(function).any(|id| {
        code.kind(id) == Kind::Await && code.mentions(id, |inner| inner == name)
            || code.kind(id) == Kind::Member && code.name(id) == "then" && code.first_name(id) == name
    });
    if asked && !awaited {
        reports.add(
            assign,
            format!(
                "`{}` is not awaited, and `{name}` counts as true for everybody",
                short(code, call)
            ),
        );
    }
}

/// Whether what is called is an `async` function of the file: of the same class for a method, of none for a function.
fn is_async(code: Code<'_>, name: &str, call: NodeId) -> bool {
    let class_of = |id: NodeId| {
        code.tree
            .ancestors(id)
            .find(|around| code.kind(*around) == Kind::Class)
    };
    let wanted = code.receiver(call).and_then(|_| class_of(call));
    let mut functions = code
        .source
        .of_kind(Kind::Function)
        .iter()
        .chain(code.source.of_kind(Kind::Lambda))
        .filter(|function| code.function_name(**function) == name && class_of(**function) == wanted)
        .peekable();
    functions.peek().is_some()
        && functions.all(|function| {
            let flags = code.tree.flags(*function);
            flags.has(Flags::ASYNC) && !flags.has(Flags::GENERATOR)
        })
}

/// Whether a value is asked for its truth.
fn is_condition(code: Code<'_>, mut id: NodeId) -> bool {
    while let Some(parent) = code.tree.parent(id) {
        match code.kind(parent) {
            Kind::If | Kind::While | Kind::Conditional | Kind::Assert => {
                return code.tree.role(id) == Role::Condition;
            }
            Kind::Unary if code.name(parent) == "not" => return true,
            Kind::Binary if matches!(code.name(parent), "and" | "or") => id = parent,
            _ => return false,
        }
    }
    false
}
