//! Extensions of an application that guard all of its answers: taken out, or with what they guard switched off one by one.

use std::collections::{BTreeMap, BTreeSet};

use super::sure;
use crate::analysis::code::Code;
use crate::analysis::settings::settings;
use crate::matching::Source;
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Taken};
use crate::tree::{Kind, NodeId, Role};

/// What is made with the application: `CSRFProtect(app)`.
const MADE: &[&str] = &[
    "CSRFProtect",
    "SeaSurf",
    "Talisman",
    "Limiter",
    "CsrfProtect",
    "Paranoid",
];
/// Names of what is given the application later: `csrf.init_app(app)`.
const GIVEN: &[&str] = &[
    "csrf",
    "talisman",
    "limiter",
    "seasurf",
    "csp",
    "paranoid",
    "login_manager",
];

/// Flask's extensions.
pub(super) fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let (before, after) = (given(both.base), given(both.head));
    let head = Code::of(both.head);
    for (name, app) in &before {
        // It may be made in another file, or be another one of its kind.
        let elsewhere = both.moved.added().any(|added| {
            let lower = added.to_ascii_lowercase();
            lower.contains(&name.to_ascii_lowercase()) || GIVEN.iter().any(|one| lower.contains(one))
        });
        if after.contains_key(name) || elsewhere {
            continue;
        }
        let still = head.calls().into_iter().find(|call| {
            head.receiver(*call).is_some_and(|of| head.last_name(of) == app)
                || head.args(*call).iter().any(|arg| head.last_name(*arg) == app)
        });
        if let Some(at) = still {
            taken.push(sure(
                at,
                format!("`{name}` guarded all answers of `{app}`, and this change takes it away"),
            ));
        }
    }
}

/// The extensions that are given an application, by their names, and which.
fn given(source: &Source) -> BTreeMap<String, String> {
    let code = Code::of(source);
    let mut found = BTreeMap::new();
    for call in source.of_kind(Kind::Call).iter().copied() {
        let app = code.arg(call, 0).or_else(|| code.option(call, "app"));
        let Some(app) = app.map(|app| code.last_name(app)).filter(|app| !app.is_empty()) else {
            continue;
        };
        let receiver = code.receiver(call).map_or("", |of| code.last_name(of));
        if code.called(call) == "init_app" && GIVEN.contains(&receiver) {
            found.insert(receiver.to_owned(), app.to_owned());
        } else if MADE.contains(&code.called(call)) {
            found.insert(code.called(call).to_owned(), app.to_owned());
        }
    }
    found
}

/// What is on unless somebody says otherwise, or was set: `helmet({ hsts: false })`, `{ rateLimit: false }`.
pub(super) fn options(both: &Both<'_>, taken: &mut Vec<Taken>) {
    const HELMET: &[&str] = &[
        "contentSecurityPolicy",
        "frameguard",
        "xFrameOptions",
        "hsts",
        "strictTransportSecurity",
        "noSniff",
        "xContentTypeOptions",
    ];
    let (was, is) = (Code::of(both.base), Code::of(both.head));
    let helmet = |code: Code<'_>| -> Option<(NodeId, BTreeSet<&'static str>)> {
        let call = code
            .calls()
            .into_iter()
            .find(|call| code.called(*call) == "helmet")?;
        let off = HELMET.iter().copied().filter(|name| {
            code.option(call, name)
                .is_some_and(|value| code.boolean(value) == Some(false))
        });
        Some((call, off.collect()))
    };
    if let (Some((_, before)), Some((node, after))) = (helmet(was), helmet(is)) {
        let more: Vec<&str> = after.difference(&before).copied().collect();
        // Many pages can not live with the policy that it has by itself.
        let only_policy = matches!(more.as_slice(), ["contentSecurityPolicy"]);
        if let Some(first) = more
            .iter()
            .find(|name| **name != "contentSecurityPolicy")
            .or(more.first())
        {
            let mut one = sure(
                node,
                format!("`{first}` was on in all answers, and this change switches it off"),
            );
            if only_policy {
                one.confidence = Confidence::Medium;
            }
            taken.push(one);
        }
    }
    let limits = |code: Code<'_>| -> Vec<(String, NodeId, bool)> {
        settings(code)
            .into_iter()
            .filter(|setting| matches!(setting.name, "rateLimit" | "csrf" | "csrfProtection" | "throttle"))
            .map(|setting| {
                let call = code
                    .tree
                    .ancestors(setting.node)
                    .find(|around| code.is_call(*around));
                let path = call
                    .and_then(|call| code.arg(call, 0))
                    .and_then(|path| code.text(path))
                    .unwrap_or("");
                let key = format!("{} {path}", setting.name);
                (key, setting.node, code.boolean(setting.value) == Some(false))
            })
            .collect()
    };
    let before = limits(was);
    for (key, node, off) in limits(is) {
        let was_on = before.iter().any(|(old, _, off)| *old == key && !off);
        let was_off = before.iter().any(|(old, _, off)| *old == key && *off);
        if off && was_on && !was_off && is.tree.role(node) != Role::Target {
            let name = key.split(' ').next().unwrap_or("").to_owned();
            taken.push(sure(
                node,
                format!("`{name}` was set here, and this change switches it off"),
            ));
        }
    }
}
