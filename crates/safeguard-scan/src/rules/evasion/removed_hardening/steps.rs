//! A step that kept somebody out, and is left out: a download is not compared with its sum any more, a session keeps its name when somebody signs in,
//! a view of Django REST framework is answered as often as somebody asks.

use std::collections::BTreeMap;

use super::sure;
use crate::analysis::code::Code;
use crate::analysis::commands::{Command, WITH_COMMANDS, commands};
use crate::analysis::functions::head;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::rules::comparison::{Both, Taken, pairs};
use crate::tree::{Kind, NodeId, Role};

pub(super) fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let language = both.head.tree.language();
    if WITH_COMMANDS.contains(&language) {
        compared(both, taken);
        return;
    }
    renewed(both, taken);
    if language == Language::Python {
        throttled(both, taken);
    }
}

/// `sha256sum -c`, `gpg --verify`, `cosign verify` of what is still downloaded.
fn compared(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let before: Vec<String> = commands(both.base)
        .iter()
        .filter_map(compares)
        .map(str::to_owned)
        .collect();
    let after = commands(both.head);
    let Some(gone) = before
        .first()
        .filter(|_| !after.iter().any(|command| compares(command).is_some()))
    else {
        return;
    };
    let fetches = |command: &Command| matches!(command.program(), "curl" | "wget");
    // The same file is still fetched: what it was compared with is not in the way of another one.
    let was: Vec<String> = commands(both.base)
        .iter()
        .filter(|command| fetches(command))
        .map(Command::shown)
        .collect();
    let text = both.head.tree.text();
    let otherwise = [
        "sha256",
        "checksum",
        "--verify",
        "cosign",
        "attestation",
        "minisign",
    ]
    .iter()
    .any(|word| text.contains(word));
    let still = after
        .iter()
        .find(|command| fetches(command) && was.contains(&command.shown()));
    if let Some(still) = still.filter(|_| !otherwise && !both.moved.mentions(gone)) {
        taken.push(sure(
            still.node,
            format!("what is downloaded here was looked at with `{gone}`, and is taken as it comes now"),
        ));
    }
}

fn compares(command: &Command) -> Option<&str> {
    let is_one = match command.program() {
        "sha256sum" | "sha512sum" | "shasum" | "sha1sum" => {
            command.has_any(&["-c", "--check", "--status"]) || command.has_letter(&['c'])
        }
        "gpg" | "gpgv" | "gpg2" => command.program() == "gpgv" || command.has("--verify"),
        "cosign" => command
            .plain()
            .first()
            .is_some_and(|verb| verb.starts_with("verify")),
        "minisign" => command.has_letter(&['V']),
        "slsa-verifier" => true,
        _ => false,
    };
    is_one.then(|| command.program())
}

/// `req.session.regenerate(…)`, `session.cycle_key()`, `request.changeSessionId()` where somebody signs in.
fn renewed(both: &Both<'_>, taken: &mut Vec<Taken>) {
    const RENEWS: &[&str] = &[
        "regenerate",
        "cycle_key",
        "changeSessionId",
        "RenewToken",
        "regenerate_id",
        "cycle_id",
    ];
    let renews = |source: &Source, function: NodeId| -> Option<String> {
        let code = Code::of(source);
        let call = code
            .tree
            .subtree(function)
            .find(|id| code.kind(*id) == Kind::Call && RENEWS.contains(&code.called(*id)))?;
        Some(code.called(call).to_owned())
    };
    for (name, base, now) in pairs(both) {
        let Some(gone) = renews(both.base, base).filter(|_| renews(both.head, now).is_none()) else {
            continue;
        };
        let code = Code::of(both.head);
        let signs_in = has_word(
            &name,
            &["login", "signin", "authenticate", "callback", "session", "sso"],
        ) || code.mentions(now, |name| {
            matches!(name, "session" | "sessionManager" | "SessionManager")
        });
        if signs_in && !both.moved.mentions(&gone) {
            taken.push(sure(
                head(&both.head.tree, now),
                format!("`{name}` gave the session a new name with `{gone}`, and keeps the old one: whoever knew it before is signed in too"),
            ));
        }
    }
}

/// `throttle_classes = [CodeThrottle]` of a view that is still there.
fn throttled(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let throttles = |source: &Source| -> BTreeMap<String, (NodeId, bool)> {
        let code = Code::of(source);
        let mut found = BTreeMap::new();
        for class in source.of_kind(Kind::Class).iter().copied() {
            let Some(body) = code.child(class, Role::Body) else {
                continue;
            };
            let set = code
                .tree
                .children(body)
                .filter(|id| code.kind(*id) == Kind::Assign)
                .find(|assign| {
                    code.child(*assign, Role::Target)
                        .is_some_and(|target| code.name(target) == "throttle_classes")
                });
            let some = set
                .and_then(|assign| code.child(assign, Role::Value))
                .is_some_and(|value| {
                    code.kind(value) == Kind::Name || code.tree.children(value).next().is_some()
                });
            found.insert(code.name(class).to_owned(), (class, some));
        }
        found
    };
    let before = throttles(both.base);
    for (name, (class, some)) in throttles(both.head) {
        if before.get(&name).is_some_and(|(_, some)| *some) && !some && !both.moved.mentions("hrottle") {
            taken.push(sure(
                class,
                format!("`{name}` answered only so often, and answers as often as somebody asks now"),
            ));
        }
    }
}
