//! Everybody, or everything, in a list of rights.

pub mod federated;
pub mod kubernetes;
pub mod terraform;

use safeguard_api::evidence::Severity;

use super::EVERY;
use super::tls_not_verified::short;
use crate::analysis::code::Code;
use crate::analysis::settings::settings;
use crate::analysis::words::has_word;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "permission-too-broad",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-732", "CWE-250"],
    languages: EVERY,
    run,
};

fn run(source: &Source, _project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for object in source.of_kind(Kind::Object) {
        statement(code, *object, reports);
    }
    for setting in settings(code) {
        let text = code.text(setting.value).unwrap_or("");
        let message = || {
            format!(
                "`{}` opens it to everybody on the internet",
                short(code, setting.node)
            )
        };
        match (setting.name, text) {
            (
                "ACL" | "acl" | "Acl" | "CannedACL" | "predefinedAcl" | "predefined_acl",
                "public-read-write" | "publicReadWrite",
            ) => reports.add(setting.node, message()),
            (
                "ACL" | "acl" | "Acl" | "CannedACL" | "predefinedAcl" | "predefined_acl",
                "public-read" | "publicRead" | "authenticated-read",
            ) => {
                // A whole bucket, or one thing in it that may be meant for all.
                let bucket = setting.within(code).is_some_and(|call| {
                    matches!(
                        code.called(call),
                        "create_bucket"
                            | "put_bucket_acl"
                            | "createBucket"
                            | "putBucketAcl"
                            | "CreateBucketCommand"
                            | "PutBucketAclCommand"
                            | "Bucket"
                            | "BucketV2"
                    )
                });
                if bucket {
                    reports.add(setting.node, message());
                } else {
                    reports.note(setting.node, message());
                }
            }
            ("public_access" | "publicAccess", "container" | "Container") => {
                reports.add(setting.node, message())
            }
            (
                "BlockPublicAcls"
                | "BlockPublicPolicy"
                | "IgnorePublicAcls"
                | "RestrictPublicBuckets"
                | "blockPublicAcls"
                | "blockPublicPolicy",
                _,
            ) if code.boolean(setting.value) == Some(false) => {
                reports.note(
                    setting.node,
                    format!(
                        "`{}` takes away what keeps the bucket from being opened to everybody",
                        short(code, setting.node)
                    ),
                );
            }
            (
                "publicReadAccess"
                | "public_read_access"
                | "publiclyAccessible"
                | "PubliclyAccessible"
                | "publicly_accessible",
                _,
            ) if code.boolean(setting.value) == Some(true) => {
                reports.note(setting.node, message());
            }
            ("CidrIp" | "cidrIp" | "cidr_ip", "0.0.0.0/0") => cidr(code, setting.node, reports),
            _ => {}
        }
    }
    for call in code.calls() {
        by_call(code, call, reports);
    }
    for text in source.of_kind(Kind::Str) {
        let written = code.name(*text);
        let lower = written.to_ascii_lowercase();
        if lower.contains("\"effect\"") && lower.contains("\"allow\"") {
            let flat: String = lower.chars().filter(|char| !char.is_whitespace()).collect();
            let all_actions = flat.contains("\"action\":\"*\"") || flat.contains("\"action\":[\"*\"]");
            let all_things = flat.contains("\"resource\":\"*\"") || flat.contains("\"resource\":[\"*\"]");
            if all_actions && all_things {
                reports.add(*text, "whoever holds this policy may do everything to everything");
            }
        }
        if lower.trim_start().starts_with("grant all")
            && (lower.contains(" to public") || lower.contains("*.*") && lower.contains("'%'"))
        {
            reports.add(
                *text,
                format!("`{}` gives everybody every right", short(code, *text)),
            );
        }
    }
}

fn entry_any(code: Code<'_>, object: NodeId, names: &[&str]) -> Option<NodeId> {
    names.iter().find_map(|name| code.entry(object, name))
}

fn is_star(code: Code<'_>, value: NodeId) -> bool {
    let value = code.literal(code.bare(value));
    match code.kind(value) {
        Kind::Str => matches!(code.name(value), "*" | "*:*"),
        Kind::List | Kind::Tuple => code.tree.children(value).any(|item| is_star(code, item)),
        Kind::Object => code
            .tree
            .children(value)
            .filter_map(|pair| code.child(pair, Role::Value))
            .any(|value| is_star(code, value)),
        _ => false,
    }
}

/// A statement of a policy: `{"Effect": "Allow", "Action": "*", "Resource": "*"}`; a rule of Kubernetes.
fn statement(code: Code<'_>, object: NodeId, reports: &mut Reports) {
    let effect = entry_any(code, object, &["Effect", "effect"]);
    let denies = effect.is_some_and(|effect| {
        let text = code.text(effect).unwrap_or(code.last_name(effect));
        text.eq_ignore_ascii_case("deny")
    });
    let limited = entry_any(
        code,
        object,
        &["Condition", "conditions", "Conditions", "condition"],
    )
    .is_some();
    let actions =
        entry_any(code, object, &["Action", "actions", "Actions"]).is_some_and(|value| is_star(code, value));
    let things = entry_any(code, object, &["Resource", "resources", "Resources"])
        .is_some_and(|value| is_star(code, value));
    let everybody = entry_any(code, object, &["Principal"]).is_some_and(|value| is_star(code, value));
    let is_policy = effect.is_some() || made_by_statement(code, object);
    if is_policy && !denies && !limited {
        if actions && things {
            reports.add(
                object,
                "whoever holds this policy may do everything to everything",
            );
        } else if everybody && effect.is_some() {
            let writes = entry_any(code, object, &["Action"]).is_some_and(|action| {
                code.texts_in(action).any(|text| {
                    text.ends_with(":*")
                        || text == "*"
                        || has_word(text, &["put", "delete", "write", "create", "update", "assume"])
                })
            });
            let message = "this policy lets everybody on the internet in";
            if writes {
                reports.add(object, message);
            } else {
                reports.note(object, message);
            }
        } else if actions {
            reports.note(object, "whoever holds this policy may do everything to it");
        }
    }
    let verbs = entry_any(code, object, &["verbs"]).is_some_and(|value| is_star(code, value));
    let groups = entry_any(code, object, &["apiGroups", "api_groups"]).is_some();
    if verbs && things && groups {
        reports.add(object, "whoever has this role may do everything in the cluster");
    }
}

/// The CDK's `new iam.PolicyStatement({ actions: ['*'], resources: ['*'] })`.
fn made_by_statement(code: Code<'_>, object: NodeId) -> bool {
    code.tree
        .parent(object)
        .is_some_and(|call| code.is_call(call) && matches!(code.called(call), "PolicyStatement"))
}

fn by_call(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    // The CDK in Python passes by keyword.
    if code.called(call) == "PolicyStatement" {
        let star = |name: &str| code.option(call, name).is_some_and(|value| is_star(code, value));
        let keyword = code
            .tree
            .children_in(call, Role::Arg)
            .any(|arg| code.kind(arg) == Kind::Keyword);
        if keyword
            && star("actions")
            && star("resources")
            && !code.mentions(call, |name| matches!(name, "DENY" | "conditions"))
        {
            reports.add(call, "whoever holds this policy may do everything to everything");
        }
        return;
    }
    if matches!(code.called(call), "make_public" | "makePublic") && code.receiver(call).is_some() {
        reports.note(
            call,
            format!("`{}` opens it to everybody on the internet", short(code, call)),
        );
    }
    let grants = matches!(
        code.called(call),
        "append"
            | "add"
            | "addMembers"
            | "update"
            | "set_iam_policy"
            | "setIamPolicy"
            | "grant_read"
            | "all"
            | "push"
            | "Binding"
            | "IAMBinding"
            | "BucketIAMMember"
            | "BucketIAMBinding"
    );
    // GCP: `bucket.iam.addMembers("roles/…", ["allUsers"])`, `policy.bindings.append({… "members": {"allUsers"}})`
    let everybody = grants
        && code.tree.children_in(call, Role::Arg).any(|arg| {
            code.texts_in(arg)
                .any(|text| matches!(text, "allUsers" | "allAuthenticatedUsers"))
        });
    let nested = everybody
        && code
            .tree
            .ancestors(call)
            .any(|around| code.is_call(around) && code.texts_in(around).any(|text| text == "allUsers"));
    if everybody && !nested {
        let message = format!(
            "`{}` gives rights to everybody on the internet",
            short(code, call)
        );
        let writes = code
            .texts_in(call)
            .any(|text| has_word(text, &["admin", "editor", "owner", "creator", "writer"]));
        if writes {
            reports.add(call, message);
        } else {
            reports.note(call, message);
        }
    }
    if matches!(code.called(call), "AnyPrincipal" | "StarPrincipal")
        && matches!(code.path(call), "iam.AnyPrincipal" | "iam.StarPrincipal")
    {
        reports.note(call, "this policy lets everybody on the internet in");
    }
}

/// A port that is open to the whole internet.
fn cidr(code: Code<'_>, node: NodeId, reports: &mut Reports) {
    let call = code.tree.ancestors(node).find(|around| code.is_call(*around));
    let Some(call) = call else {
        return;
    };
    if !code.called(call).to_ascii_lowercase().contains("ingress")
        && !code.texts_in(call).any(|text| text.contains("ingress"))
    {
        return;
    }
    let ports: Vec<u64> = code
        .tree
        .subtree(call)
        .filter(|id| matches!(code.kind(*id), Kind::Keyword | Kind::Pair))
        .filter(|id| {
            let name = if code.kind(*id) == Kind::Pair {
                code.key(*id).unwrap_or("")
            } else {
                code.name(*id)
            };
            matches!(name, "FromPort" | "ToPort" | "fromPort" | "toPort")
        })
        .filter_map(|id| code.number(code.child(id, Role::Value)?))
        .collect();
    let web = !ports.is_empty() && ports.iter().all(|port| matches!(port, 80 | 443));
    let known = ports
        .iter()
        .any(|port| matches!(port, 22 | 3389 | 5432 | 3306 | 6379 | 27017 | 9200 | 0 | 65535));
    let message = format!("`{}` opens the port to the whole internet", short(code, node));
    if known {
        reports.add(node, message);
    } else if !web {
        reports.note(node, message);
    }
}
