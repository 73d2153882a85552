//! What kept a container within its walls, and is gone: its security context, the policy of its network, its limits.

mod ingress;

use std::collections::{BTreeMap, BTreeSet};

use safeguard_api::evidence::Severity;

use crate::analysis::yaml::Yaml;
use crate::language::Language;
use crate::matching::Source;
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Comparison, Moved, Taken};
use crate::rules::hole::container_without_walls::{containers, pod_specs};
use crate::tree::{Kind, NodeId, Role};

pub static COMPARISON: Comparison = Comparison {
    id: "weakened-walls",
    failure: "X3",
    cwe: &["CWE-250", "CWE-693"],
    languages: &[Language::Dockerfile, Language::Yaml],
    run,
    gone: Some(gone),
};

/// A wall, and how sure it is that whoever takes it away opens something.
const WALLS: &[(&str, bool)] = &[
    ("allowPrivilegeEscalation: false", true),
    ("capabilities: drop ALL", true),
    ("readOnlyRootFilesystem: true", false),
    ("runAsNonRoot: true", true),
    ("seccompProfile", false),
    ("a limit of memory", false),
];

fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    if both.head.tree.language() == Language::Dockerfile {
        return image(both, taken);
    }
    let before = all(both.base);
    let after = all(both.head);
    for (name, (walls, _)) in &before {
        let Some((now, at)) = after.get(name) else {
            continue;
        };
        for (wall, sure) in WALLS {
            if walls.contains(wall) && !now.contains(wall) {
                taken.push(Taken {
                    node: *at,
                    severity: Severity::High,
                    confidence: if *sure {
                        Confidence::High
                    } else {
                        Confidence::Medium
                    },
                    message: format!(
                        "`{wall}` of container `{}` is gone",
                        name.rsplit('/').next().unwrap_or(name)
                    ),
                });
            }
        }
    }
    let (was, now) = (policies(both.base), policies(both.head));
    for (name, _) in was
        .iter()
        .filter(|(name, _)| !now.contains_key(*name) && !both.moved.mentions(name))
    {
        if let Some(at) = Yaml::of(both.head)
            .documents()
            .first()
            .and_then(|root| both.head.tree.children(*root).next())
        {
            taken.push(policy_gone(name, at));
        }
    }
    widened(both, taken);
    ingress::run(both, taken);
    lets_pass(both, taken);
}

/// What refused, and only tells of it now: policies of Kyverno and Gatekeeper, the standard that a namespace holds its pods to.
fn lets_pass(both: &Both<'_>, taken: &mut Vec<Taken>) {
    const SETTINGS: &[(&str, &[&str])] = &[
        ("validationFailureAction", &["Enforce", "Audit"]),
        ("enforcementAction", &["deny", "warn", "dryrun"]),
        (
            "pod-security.kubernetes.io/enforce",
            &["restricted", "baseline", "privileged"],
        ),
    ];
    let set = |source: &Source| -> BTreeMap<(String, &'static str), (String, NodeId)> {
        let tree = &source.tree;
        let yaml = Yaml::of(source);
        let mut found = BTreeMap::new();
        for document in yaml.documents() {
            let name = yaml
                .get(document, "metadata")
                .map_or("", |metadata| yaml.text_at(metadata, "name"));
            for pair in tree.subtree(document).filter(|id| tree.kind(*id) == Kind::Pair) {
                let key = tree.child(pair, Role::Key).map_or("", |key| tree.name(key));
                let setting = SETTINGS.iter().find(|(setting, _)| *setting == key);
                if let (Some((setting, _)), Some(value)) = (setting, tree.child(pair, Role::Value)) {
                    found.insert((name.to_owned(), *setting), (yaml.text(value).to_owned(), pair));
                }
            }
        }
        found
    };
    let before = set(both.base);
    for (key, (now, node)) in set(both.head) {
        let levels = SETTINGS
            .iter()
            .find(|(setting, _)| *setting == key.1)
            .map_or(&[][..], |(_, levels)| *levels);
        let level = |text: &str| levels.iter().position(|level| level.eq_ignore_ascii_case(text));
        let Some((was, _)) = before.get(&key) else {
            continue;
        };
        if level(was).zip(level(&now)).is_some_and(|(was, now)| now > was) {
            taken.push(Taken {
                node,
                severity: Severity::High,
                confidence: Confidence::High,
                message: format!(
                    "`{}` of `{}` was `{was}`, and is `{now}`: what it kept out comes in",
                    key.1, key.0
                ),
            });
        }
    }
}

/// A policy that let some in, and lets everybody in: a rule without `from`, or one that is empty.
fn widened(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let (before, after) = (open_rules(both.base), open_rules(both.head));
    for (key, node) in after {
        let Some(node) = node else { continue };
        if before.get(&key).is_some_and(Option::is_none) {
            taken.push(Taken {
                node,
                severity: Severity::High,
                confidence: Confidence::High,
                message: format!(
                    "`{}` of the network policy `{}` let some through, and lets all through now",
                    key.1, key.0
                ),
            });
        }
    }
}

/// By policy and direction, if there are rules: where one stands that lets all through.
fn open_rules(source: &Source) -> BTreeMap<(String, &'static str), Option<NodeId>> {
    let yaml = Yaml::of(source);
    let mut found = BTreeMap::new();
    for document in yaml.documents() {
        if yaml.text_at(document, "kind") != "NetworkPolicy" {
            continue;
        }
        let name = yaml
            .get(document, "metadata")
            .map_or("", |metadata| yaml.text_at(metadata, "name"));
        for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
            let Some((pair, rules)) = yaml
                .get(document, "spec")
                .and_then(|spec| yaml.entry(spec, direction))
            else {
                continue;
            };
            let everybody = |rule: NodeId| match yaml.get(rule, peers) {
                None => true,
                Some(list) => yaml.items(list).into_iter().any(|peer| {
                    yaml.pairs(peer).is_empty()
                        || yaml
                            .at(peer, &["ipBlock", "cidr"])
                            .is_some_and(|cidr| yaml.text(cidr) == "0.0.0.0/0")
                }),
            };
            let open = yaml.items(rules).into_iter().any(everybody);
            found.insert((name.to_owned(), direction), open.then_some(pair));
        }
    }
    found
}

/// An image that ran as somebody, and runs as root; one that was built upon a digest.
fn image(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let (was, now) = (user(both.base), user(both.head));
    let is_root = |user: &Option<(String, NodeId)>| {
        user.as_ref()
            .is_none_or(|(name, _)| matches!(name.split(':').next(), Some("root" | "0")))
    };
    let Some(first) = both.head.tree.children(NodeId::ROOT).next() else {
        return;
    };
    if let Some((name, _)) = was.as_ref().filter(|_| !is_root(&was) && is_root(&now)) {
        // Another base may lower its rights by itself.
        let same_base = base_image(both.base) == base_image(both.head);
        let drops = ["gosu", "su-exec", "setpriv", "entrypoint"]
            .iter()
            .any(|word| both.head.tree.text().contains(word));
        taken.push(Taken {
            node: now.as_ref().map_or(first, |(_, node)| *node),
            severity: Severity::High,
            confidence: if same_base && !drops {
                Confidence::High
            } else {
                Confidence::Medium
            },
            message: format!("the image ran as `{name}`, and runs as root"),
        });
    }
}

/// Who the last stage runs as, and where it says so.
fn user(source: &Source) -> Option<(String, NodeId)> {
    let tree = &source.tree;
    let sections: Vec<NodeId> = tree.children(NodeId::ROOT).collect();
    let last = sections
        .iter()
        .rposition(|section| tree.name(*section) == "FROM")?;
    let user = sections[last..]
        .iter()
        .rev()
        .find(|section| tree.name(**section) == "USER")?;
    let name = tree
        .children_in(*user, Role::Arg)
        .next()
        .map_or("", |arg| tree.name(arg));
    Some((name.to_owned(), *user))
}

fn base_image(source: &Source) -> String {
    let tree = &source.tree;
    let last = tree
        .children(NodeId::ROOT)
        .filter(|section| tree.name(*section) == "FROM")
        .last();
    let image = last
        .and_then(|from| {
            tree.children_in(from, Role::Arg)
                .find(|arg| tree.kind(*arg) == Kind::Str)
        })
        .map_or("", |arg| tree.name(arg));
    image.split(['@', ':']).next().unwrap_or(image).to_owned()
}

fn policy_gone(name: &str, at: NodeId) -> Taken {
    Taken {
        node: at,
        severity: Severity::High,
        confidence: Confidence::High,
        message: format!("the network policy `{name}` is gone: every pod reaches what it guarded"),
    }
}

fn gone(base: &Source, moved: &Moved) -> Vec<Taken> {
    let lost = policies(base)
        .into_iter()
        .filter(|(name, _)| !moved.mentions(name));
    lost.map(|(name, node)| policy_gone(&name, node)).collect()
}

fn policies(source: &Source) -> BTreeMap<String, NodeId> {
    let yaml = Yaml::of(source);
    let documents = yaml.documents().into_iter();
    documents
        .filter(|document| {
            matches!(
                yaml.text_at(*document, "kind"),
                "NetworkPolicy" | "CiliumNetworkPolicy"
            )
        })
        .filter_map(|document| {
            let name = yaml
                .get(document, "metadata")
                .map_or("", |metadata| yaml.text_at(metadata, "name"));
            let at = source
                .tree
                .children(document)
                .next()
                .filter(|at| source.tree.kind(*at) == Kind::Pair)?;
            Some((name.to_owned(), at))
        })
        .collect()
}

/// By kind, name and container: the walls it has, and where it stands.
fn all(source: &Source) -> BTreeMap<String, (BTreeSet<&'static str>, NodeId)> {
    let yaml = Yaml::of(source);
    let mut found = BTreeMap::new();
    for document in yaml.documents() {
        let name = yaml
            .get(document, "metadata")
            .map_or("", |metadata| yaml.text_at(metadata, "name"));
        for spec in pod_specs(yaml, document) {
            for container in containers(yaml, spec) {
                let key = format!(
                    "{}/{name}/{}",
                    yaml.text_at(document, "kind"),
                    yaml.text_at(container, "name")
                );
                let at = yaml.entry(container, "name").map_or(container, |(pair, _)| pair);
                found.insert(key, (walls(yaml, spec, container), at));
            }
        }
    }
    found
}

fn walls(yaml: Yaml<'_>, spec: NodeId, container: NodeId) -> BTreeSet<&'static str> {
    let contexts: Vec<NodeId> = [container, spec]
        .into_iter()
        .filter_map(|of| yaml.get(of, "securityContext"))
        .collect();
    let has = |key: &str, value: &str| contexts.iter().any(|context| yaml.is(*context, key, value));
    let drops = contexts.iter().any(|context| {
        yaml.at(*context, &["capabilities", "drop"]).is_some_and(|drop| {
            yaml.words(drop)
                .iter()
                .any(|name| name.eq_ignore_ascii_case("all"))
        })
    });
    let mut found = BTreeSet::new();
    let mut add = |wall: &'static str, there: bool| {
        if there {
            found.insert(wall);
        }
    };
    add(
        "allowPrivilegeEscalation: false",
        has("allowPrivilegeEscalation", "false"),
    );
    add("capabilities: drop ALL", drops);
    add(
        "readOnlyRootFilesystem: true",
        has("readOnlyRootFilesystem", "true"),
    );
    // A number that is not root's says as much.
    let number = contexts.iter().any(|context| {
        yaml.text_at(*context, "runAsUser")
            .parse::<u32>()
            .is_ok_and(|user| user > 0)
    });
    add("runAsNonRoot: true", has("runAsNonRoot", "true") || number);
    add(
        "seccompProfile",
        contexts
            .iter()
            .any(|context| yaml.get(*context, "seccompProfile").is_some()),
    );
    add(
        "a limit of memory",
        yaml.at(container, &["resources", "limits", "memory"]).is_some(),
    );
    found
}
