//! Another website reads or says what only the own one should: sockets that take every origin, messages between windows that nobody asks about theirs.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::settings::settings;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "cross-origin-message",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-346", "CWE-1385"],
    languages: &[
        Language::Go,
        Language::JavaScript,
        Language::TypeScript,
        Language::Tsx,
    ],
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    match source.tree.language() {
        Language::Go => sockets(code, reports),
        _ => windows(code, reports),
    }
}

/// `CheckOrigin: func(r *http.Request) bool { return true }`
fn sockets(code: Code<'_>, reports: &mut Reports) {
    let by_cookie = code.source.tree.text().to_ascii_lowercase().contains("cookie")
        || code.mentions(NodeId::ROOT, |name| {
            has_word(name, &["session", "sessions", "cookie", "cookies"])
        });
    for setting in settings(code) {
        if setting.name != "CheckOrigin" || undoes_or_tests(code, setting.node) {
            continue;
        }
        let function = match code.kind(setting.value) {
            Kind::Lambda => Some(setting.value),
            _ => code
                .source
                .of_kind(Kind::Function)
                .iter()
                .copied()
                .find(|function| code.name(*function) == code.last_name(setting.value)),
        };
        let Some(body) = function.and_then(|function| code.body(function)) else {
            continue;
        };
        let statements: Vec<NodeId> = code.tree.children(body).collect();
        let [only] = statements.as_slice() else {
            continue;
        };
        let always = code.kind(*only) == Kind::Return
            && code
                .child(*only, Role::Value)
                .and_then(|value| code.boolean(value))
                == Some(true);
        if !always {
            continue;
        }
        let told = "every website can open this socket in the name of whoever visits it, and read along";
        match by_cookie {
            true => reports.add(setting.node, told),
            false => reports.note(setting.node, told),
        }
    }
}

fn windows(code: Code<'_>, reports: &mut Reports) {
    for call in code.source.of_kind(Kind::Call).iter().copied() {
        match code.called(call) {
            "addEventListener" => heard(code, call, reports),
            "postMessage" => said(code, call, reports),
            _ => {}
        }
    }
}

/// `window.addEventListener('message', …)` that acts on what anybody says.
fn heard(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    let of_window = code
        .receiver(call)
        .is_none_or(|of| matches!(code.last_name(of), "window" | "globalThis"));
    let is_message = code.arg(call, 0).and_then(|event| code.text(event)) == Some("message");
    let Some(function) = code.arg(call, 1).filter(|_| of_window && is_message) else {
        return;
    };
    let function = match code.kind(function) {
        Kind::Lambda | Kind::Function => function,
        _ => {
            let name = code.last_name(function);
            let mut all = code
                .source
                .of_kind(Kind::Function)
                .iter()
                .chain(code.source.of_kind(Kind::Lambda));
            match all.find(|function| code.function_name(**function) == name && !name.is_empty()) {
                Some(found) => *found,
                None => return,
            }
        }
    };
    // Who asks where it comes from, by whatever name, is not looked at further.
    if code.mentions(function, |name| {
        has_word(
            name,
            &["origin", "origins", "source", "trusted", "allowed", "ports"],
        )
    }) || undoes_or_tests(code, call)
    {
        return;
    }
    let acts = code.tree.subtree(function).find(|id| match code.kind(*id) {
        Kind::Assign => code.child(*id, Role::Target).is_some_and(|target| {
            matches!(
                code.name(target),
                "innerHTML" | "outerHTML" | "href" | "location" | "cookie" | "srcdoc"
            ) && code.kind(target) == Kind::Member
        }),
        Kind::Call => match code.called(*id) {
            "eval" | "insertAdjacentHTML" | "Function" => true,
            "setItem" => code
                .arg(*id, 0)
                .and_then(|key| code.text(key))
                .is_some_and(|key| has_word(key, &["token", "jwt", "session", "auth", "user"])),
            "assign" | "replace" => code
                .receiver(*id)
                .is_some_and(|of| code.last_name(of) == "location"),
            _ => false,
        },
        _ => false,
    });
    if let Some(acts) = acts {
        reports.add(
            acts,
            "any website that holds this one in a frame, or is held by it, says what happens here: nothing asks for `event.origin`",
        );
    }
}

/// `parent.postMessage({ token }, '*')`
fn said(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    let to_all = code.arg(call, 1).and_then(|target| code.text(target)) == Some("*")
        || code
            .option(call, "targetOrigin")
            .and_then(|target| code.text(target))
            == Some("*");
    let Some(what) = code.arg(call, 0).filter(|_| to_all) else {
        return;
    };
    let value = code.set_to(what).unwrap_or(what);
    let secret = |name: &str| {
        has_word(
            name,
            &[
                "token",
                "jwt",
                "secret",
                "password",
                "session",
                "credential",
                "credentials",
            ],
        ) && !has_word(name, &["csrf", "id", "type", "expired", "count", "tokenizer"])
    };
    let tells = code.mentions(value, secret)
        || code
            .tree
            .subtree(value)
            .any(|id| code.kind(id) == Kind::Pair && code.key(id).is_some_and(secret));
    if tells && !undoes_or_tests(code, call) {
        reports.add(
            call,
            "whichever website holds this one in a frame is told it: `'*'` is every origin",
        );
    }
}
