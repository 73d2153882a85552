//! What an ingress asked of whoever comes in from outside, and asks no more: a login, a certificate, an address, TLS.

use std::collections::BTreeMap;

use crate::analysis::yaml::Yaml;
use crate::matching::Source;
use crate::rules::comparison::{Both, Taken};
use crate::tree::NodeId;

/// Annotations that keep somebody out, by the part behind the slash, and whether nearly nobody takes them away for good.
const ASKED: &[(&str, bool)] = &[
    ("auth-url", true),
    ("auth-type", true),
    ("auth-secret", true),
    ("auth-tls-secret", true),
    ("auth-tls-verify-client", true),
    ("whitelist-source-range", true),
    ("allowlist-source-range", true),
    ("inbound-cidrs", true),
    ("enable-modsecurity", true),
    ("wafv2-acl-arn", true),
    ("limit-rps", false),
    ("limit-connections", false),
    ("router.middlewares", false),
];

/// Those that are switched.
const SWITCHED: &[&str] = &[
    "ssl-redirect",
    "force-ssl-redirect",
    "enable-modsecurity",
    "backend-tls-verify",
    "proxy-ssl-verify",
];

pub(super) fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let (before, after) = (ingresses(both.base), ingresses(both.head));
    for (name, (_, was)) in &before {
        let Some((at, now)) = after.get(name) else {
            continue;
        };
        let mut tell = |node: NodeId, sure: bool, message: String| {
            taken.push(Taken::high(node, sure, message));
        };
        for (key, (_, value)) in was {
            let asked = ASKED.iter().find(|(asked, _)| *asked == key);
            if let Some((_, sure)) =
                asked.filter(|_| !now.contains_key(key) && value != "false" && !both.moved.mentions(key))
            {
                // One way of signing in may have become another.
                let other = now
                    .keys()
                    .any(|other| other.starts_with("auth") && !was.contains_key(other));
                tell(
                    *at,
                    *sure && !other,
                    format!("`{key}` of ingress `{name}` is gone: whoever finds it is let in"),
                );
            }
        }
        for (key, (node, value)) in now {
            let was_on = was
                .get(key)
                .is_some_and(|(_, value)| matches!(value.as_str(), "true" | "on"));
            if SWITCHED.contains(&key.as_str()) && was_on && matches!(value.as_str(), "false" | "off") {
                tell(*node, true, format!("`{key}` of ingress `{name}` is off now"));
            }
            if key == "scheme"
                && value == "internet-facing"
                && was.get(key).is_some_and(|(_, was)| was == "internal")
            {
                tell(
                    *node,
                    true,
                    format!(
                        "ingress `{name}` was reached from within, and is reached from the whole internet now"
                    ),
                );
            }
        }
    }
}

/// Annotations by the part behind the slash.
type Annotations = BTreeMap<String, (NodeId, String)>;

/// The ingresses of a file by name, and where they stand.
fn ingresses(source: &Source) -> BTreeMap<String, (NodeId, Annotations)> {
    let yaml = Yaml::of(source);
    let mut found = BTreeMap::new();
    for document in yaml.documents() {
        if !yaml.is(document, "kind", "Ingress") {
            continue;
        }
        let Some((pair, metadata)) = yaml.entry(document, "metadata") else {
            continue;
        };
        let annotations = yaml
            .get(metadata, "annotations")
            .map_or_else(Vec::new, |of| yaml.pairs(of));
        let by_key = annotations.into_iter().map(|(key, pair, value)| {
            let last = key.rsplit('/').next().unwrap_or(key);
            (last.to_owned(), (pair, yaml.text(value).to_owned()))
        });
        found.insert(
            yaml.text_at(metadata, "name").to_owned(),
            (pair, by_key.collect()),
        );
    }
    found
}
