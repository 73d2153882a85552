//! What is asked of whoever connects, on a scale: whether a client needs a certificate, and how old the protocol may be.

use std::collections::BTreeMap;

use super::sure;
use crate::analysis::code::Code;
use crate::analysis::entries::entries;
use crate::analysis::settings::settings;
use crate::analysis::words::has_word;
use crate::matching::Source;
use crate::rules::comparison::{Both, Taken};
use crate::tree::{Kind, NodeId, Role};

/// Settings by name, each with its values from the weakest.
const SCALES: &[(&str, &[&str])] = &[
    (
        "ClientAuth",
        &[
            "NoClientCert",
            "RequestClientCert",
            "RequireAnyClientCert",
            "VerifyClientCertIfGiven",
            "RequireAndVerifyClientCert",
        ],
    ),
    (
        "MinVersion",
        &[
            "VersionSSL30",
            "VersionTLS10",
            "VersionTLS11",
            "VersionTLS12",
            "VersionTLS13",
        ],
    ),
    ("minVersion", &["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]),
    ("verify_mode", &["CERT_NONE", "CERT_OPTIONAL", "CERT_REQUIRED"]),
    ("requestCert", &["false", "true"]),
    ("httpOnly", &["false", "true"]),
    ("HttpOnly", &["false", "true"]),
    ("httponly", &["false", "true"]),
    ("server.servlet.session.cookie.http-only", &["false", "true"]),
    ("server.servlet.session.cookie.secure", &["false", "true"]),
    ("client-auth", &["none", "want", "need"]),
    ("server.ssl.client-auth", &["none", "want", "need"]),
];

pub(super) fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    exposed(both, taken);
    let before = set(both.base);
    for ((name, place), (node, now)) in set(both.head) {
        let Some((_, was)) = before.get(&(name, place)) else {
            continue;
        };
        // A newer protocol that is not asked for any more is none that is broken.
        let still_good = name.eq_ignore_ascii_case("minVersion") && now.contains("1.2") | now.ends_with("12");
        let scale = SCALES
            .iter()
            .find(|(scale, _)| *scale == name)
            .map_or(&[][..], |(_, scale)| *scale);
        let level = |text: &str| scale.iter().position(|one| one.eq_ignore_ascii_case(text));
        if level(&now).zip(level(was)).is_some_and(|(now, was)| now < was) && !still_good {
            taken.push(sure(
                node,
                format!("`{name}` was `{was}`, and is `{now}`: it keeps out less than it did"),
            ));
        }
    }
}

/// Spring's actuator: `management.endpoints.web.exposure.include` that became all of them, with the values of the environment and the heap.
fn exposed(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let file = both.head.path.rsplit('/').next().unwrap_or("");
    let of_spring =
        file.starts_with("application") && !has_word(file, &["dev", "local", "test", "development"]);
    if !of_spring || !both.head.tree.language().is_infrastructure() {
        return;
    }
    let included = |source: &Source| -> Option<(NodeId, String)> {
        let tree = &source.tree;
        let all = entries(source)
            .into_iter()
            .filter(|entry| entry.name.ends_with("include"));
        all.filter_map(|entry| {
            let keys: Vec<&str> = std::iter::once(entry.node)
                .chain(tree.ancestors(entry.node))
                .filter_map(|id| tree.child(id, Role::Key))
                .map(|key| tree.name(key))
                .collect();
            let path = keys.into_iter().rev().collect::<Vec<_>>().join(".");
            let texts: Vec<&str> = tree
                .subtree(entry.value)
                .filter(|id| tree.kind(*id) == Kind::Str)
                .map(|id| tree.name(id))
                .collect();
            (path == "management.endpoints.web.exposure.include").then(|| (entry.node, texts.join(",")))
        })
        .next()
    };
    if let (Some((_, was)), Some((node, now))) = (included(both.base), included(both.head))
        && now == "*"
        && was != "*"
    {
        taken.push(sure(node, format!("the endpoints `{was}` were open, and all of them are now: also the environment with its secrets, and the heap")));
    }
}

/// What is set of these, by its name and the functions around it.
type Set = BTreeMap<(&'static str, String), (NodeId, String)>;

fn set(source: &Source) -> Set {
    let mut found = Set::new();
    let scale = |name: &str| {
        SCALES
            .iter()
            .map(|(scale, _)| *scale)
            .find(|scale| *scale == name)
    };
    if source.tree.language().is_infrastructure() {
        for entry in entries(source) {
            if let (Some(name), Some(text)) = (scale(entry.name), entry.text(source)) {
                found
                    .entry((name, String::new()))
                    .or_insert((entry.node, text.to_owned()));
            }
        }
        return found;
    }
    let code = Code::of(source);
    for setting in settings(code) {
        let Some(name) = scale(setting.name) else {
            continue;
        };
        let value = match (code.text(setting.value), code.boolean(setting.value)) {
            (Some(text), _) => text.to_owned(),
            (None, Some(boolean)) => boolean.to_string(),
            (None, None) => code.last_name(setting.value).to_owned(),
        };
        let place = code.names_around(setting.node).join(".");
        found.entry((name, place)).or_insert((setting.node, value));
    }
    found
}
