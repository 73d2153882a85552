//! Policies and buckets in Terraform that give everything, or give it to everybody.

use safeguard_api::evidence::Severity;

use crate::analysis::commands::word;
use crate::analysis::hcl::{Block, blocks};
use crate::language::Language;
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
    languages: &[Language::Hcl],
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    let read_by_everybody = is_read_by_everybody(source);
    for block in blocks(source) {
        if block.name() == "data" && block.label(0) == "aws_iam_policy_document" {
            for statement in block.inner("statement") {
                document(&statement, reports);
            }
        }
        resource(&block, read_by_everybody, reports);
    }
    for object in source.of_kind(Kind::Object) {
        statement(source, *object, reports);
    }
    // A policy as a text.
    for text in source.of_kind(Kind::Str) {
        let flat: String = tree
            .name(*text)
            .chars()
            .filter(|letter| !letter.is_whitespace())
            .collect();
        let star = |key: &str| {
            flat.contains(&format!("\"{key}\":\"*\"")) || flat.contains(&format!("\"{key}\":[\"*\"]"))
        };
        if flat.contains("\"Effect\":\"Allow\"")
            && flat.matches("\"Effect\"").count() == 1
            && star("Action")
            && star("Resource")
        {
            reports.add(*text, "whoever holds this policy may do everything to everything");
        }
    }
}

/// Whether a policy of the file lets everybody read or list what is in a bucket that is no website.
fn is_read_by_everybody(source: &Source) -> bool {
    let all = blocks(source);
    let site = all.iter().any(|block| {
        block.kind() == "aws_s3_bucket_website_configuration"
            || block.kind().starts_with("aws_cloudfront")
            || !block.inner("website").is_empty()
    });
    let reads = |actions: &[String]| {
        actions.iter().any(|action| {
            matches!(action.as_str(), "*" | "s3:*")
                || action.starts_with("s3:Get")
                || action.starts_with("s3:List")
        })
    };
    let by_document = || {
        all.iter()
            .filter(|block| block.name() == "data" && block.label(0) == "aws_iam_policy_document")
            .flat_map(|block| block.inner("statement"))
            .any(|statement| {
                statement.text("effect") != "Deny"
                    && statement.inner("condition").is_empty()
                    && reads(&statement.texts("actions"))
                    && statement.inner("principals").iter().any(|principals| {
                        matches!(principals.text("type").as_str(), "*" | "AWS")
                            && principals.texts("identifiers").iter().any(|name| name == "*")
                    })
            })
    };
    // `Principal = "*"` within `jsonencode`, or a policy as a text.
    let by_object = || {
        all.iter()
            .filter(|block| block.kind() == "aws_s3_bucket_policy")
            .any(|block| {
                let flat: String = source
                    .tree
                    .source(block.node)
                    .chars()
                    .filter(|letter| {
                        !letter.is_whitespace() && !matches!(letter, '"' | '\\' | ':' | '=' | '[' | ']')
                    })
                    .collect();
                let everybody = flat.contains("Principal*") || flat.contains("Principal{AWS*");
                let allows = flat.contains("EffectAllow")
                    && !flat.contains("Condition")
                    && !flat.contains("EffectDeny");
                everybody && allows && (flat.contains("s3Get") || flat.contains("s3List"))
            })
    };
    !site && (by_document() || by_object())
}

fn tell(node: NodeId, actions: &[String], things: bool, everybody: bool, reports: &mut Reports) {
    let all = actions
        .iter()
        .any(|action| matches!(action.as_str(), "*" | "*:*"));
    let assumes = actions.iter().any(|action| action.contains("AssumeRole"));
    if everybody && (assumes || all) {
        reports.add(
            node,
            "everybody with an account at the provider may take this role",
        );
    } else if everybody {
        let writes = actions.iter().any(|action| {
            action.ends_with(":*")
                || ["Put", "Delete", "Write", "Send", "Invoke", "Publish"]
                    .iter()
                    .any(|verb| action.contains(verb))
        });
        match writes {
            true => reports.add(node, "this policy lets everybody on the internet change things"),
            false => reports.note(node, "this policy lets everybody on the internet in"),
        }
    } else if all && things {
        reports.add(node, "whoever holds this policy may do everything to everything");
    } else if things
        && actions.iter().any(|action| {
            matches!(
                action.as_str(),
                "iam:*" | "iam:PassRole" | "sts:*" | "kms:*" | "secretsmanager:*"
            )
        })
    {
        reports.note(node, "rights over everybody's rights, for every thing there is");
    }
}

/// `statement { … }` of a policy document.
fn document(statement: &Block<'_>, reports: &mut Reports) {
    let limited = !statement.inner("condition").is_empty();
    if statement.text("effect") == "Deny" || limited {
        return;
    }
    let everybody = statement.inner("principals").iter().any(|principals| {
        principals.texts("identifiers").iter().any(|name| name == "*") && principals.text("type") != "Service"
    });
    let things = statement.texts("resources").iter().any(|thing| thing == "*");
    tell(
        statement.node,
        &statement.texts("actions"),
        things,
        everybody,
        reports,
    );
}

/// `{ Effect = "Allow", Action = "*", Resource = "*" }` within `jsonencode`.
fn statement(source: &Source, object: NodeId, reports: &mut Reports) {
    let tree = &source.tree;
    let get = |name: &str| {
        tree.children(object).find_map(|pair| {
            let key = tree.child(pair, Role::Key)?;
            (tree.name(key) == name)
                .then(|| tree.child(pair, Role::Value))
                .flatten()
        })
    };
    let texts = |value: NodeId| -> Vec<String> {
        match tree.kind(value) {
            Kind::List => tree.children(value).map(|item| word(tree, item)).collect(),
            _ => vec![word(tree, value)],
        }
    };
    let Some(effect) = get("Effect") else { return };
    if tree.name(effect) != "Allow" || get("Condition").is_some() {
        return;
    }
    let everybody = get("Principal").is_some_and(|value| {
        word(tree, value) == "*"
            || tree.kind(value) == Kind::Object
                && tree.children(value).any(|pair| {
                    let of_account = tree
                        .child(pair, Role::Key)
                        .is_some_and(|key| tree.name(key) == "AWS");
                    of_account
                        && tree
                            .child(pair, Role::Value)
                            .is_some_and(|value| texts(value).iter().any(|text| text == "*"))
                })
    });
    let things = get("Resource").is_some_and(|value| texts(value).iter().any(|text| text == "*"));
    let actions = get("Action").map_or(Vec::new(), texts);
    tell(object, &actions, things, everybody, reports);
}

fn resource(block: &Block<'_>, read_by_everybody: bool, reports: &mut Reports) {
    let open = |name: &str| {
        block
            .attribute(name)
            .filter(|set| matches!(set.text().as_str(), "allUsers" | "allAuthenticatedUsers"))
    };
    match block.kind() {
        "aws_s3_bucket" | "aws_s3_bucket_acl" => {
            if let Some(acl) = block.attribute("acl") {
                match acl.text().as_str() {
                    "public-read-write" => {
                        reports.add(acl.node, "everybody on the internet may write to the bucket")
                    }
                    "public-read" | "authenticated-read" => {
                        let site = !block.inner("website").is_empty() || named_public(block);
                        match site {
                            true => reports
                                .note(acl.node, "everybody on the internet may list and read the bucket"),
                            false => reports
                                .add(acl.node, "everybody on the internet may list and read the bucket"),
                        }
                    }
                    _ => {}
                }
            }
        }
        "aws_s3_bucket_public_access_block" | "aws_s3_account_public_access_block" => {
            for name in [
                "block_public_acls",
                "block_public_policy",
                "ignore_public_acls",
                "restrict_public_buckets",
            ] {
                if let Some(set) = block.attribute(name).filter(|set| set.is("false")) {
                    match read_by_everybody && !named_public(block) {
                        true => reports.add(
                            set.node,
                            "the bucket's block is off, and a policy beside it lets everybody on the internet read",
                        ),
                        false => reports.note(
                            set.node,
                            "takes away what keeps the bucket from being opened to everybody",
                        ),
                    }
                    break;
                }
            }
        }
        kind if kind.starts_with("google_")
            && (kind.ends_with("_iam_member")
                || kind.ends_with("_iam_binding")
                || kind.ends_with("_access_control")
                || kind.ends_with("_acl")) =>
        {
            let member = open("member").or_else(|| open("entity")).or_else(|| {
                block.attribute("members").filter(|set| {
                    set.texts()
                        .iter()
                        .any(|text| matches!(text.as_str(), "allUsers" | "allAuthenticatedUsers"))
                })
            });
            if let Some(member) = member {
                let role = block.text("role");
                let writes = [
                    "admin", "Admin", "editor", "owner", "OWNER", "WRITER", "Creator", "writer",
                ]
                .iter()
                .any(|word| role.contains(word));
                // A service that answers everybody is what the internet is for.
                let invokes = role.contains("invoker") || role.contains("Invoker");
                match writes {
                    true => reports.add(member.node, "everybody on the internet may change it"),
                    false if invokes => {}
                    false => reports.note(member.node, "everybody on the internet may read it"),
                }
            }
            let role = block.text("role");
            if matches!(role.as_str(), "roles/owner" | "roles/editor")
                && kind.contains("project")
                && block.text("member").contains("serviceAccount:")
            {
                reports.note(
                    block.node,
                    format!("who gets into what runs as this account has `{role}` of the project"),
                );
            }
        }
        "azurerm_storage_container" => {
            if let Some(set) = block
                .attribute("container_access_type")
                .filter(|set| matches!(set.text().as_str(), "container" | "blob"))
            {
                match set.is("container") && !named_public(block) {
                    true => reports.add(
                        set.node,
                        "everybody on the internet may list and read the container",
                    ),
                    false => reports.note(
                        set.node,
                        "everybody on the internet may read what is in the container",
                    ),
                }
            }
        }
        "aws_lambda_permission" | "aws_sns_topic" | "aws_sqs_queue" if block.text("principal") == "*" => {
            reports.note(
                block.node,
                "everybody with an account at the provider may call it",
            );
        }
        "aws_lambda_function_url" => {
            if let Some(set) = block.attribute("authorization_type").filter(|set| set.is("NONE")) {
                reports.note(set.node, "everybody on the internet may call the function");
            }
        }
        "aws_iam_role_policy_attachment"
        | "aws_iam_user_policy_attachment"
        | "aws_iam_group_policy_attachment"
            if block
                .text("policy_arn")
                .ends_with(":aws:policy/AdministratorAccess") =>
        {
            reports.note(block.node, "whoever has this may do everything in the account");
        }
        _ => {}
    }
}

/// What is for everybody says so in its name.
fn named_public(block: &Block<'_>) -> bool {
    let named = format!(
        "{} {} {}",
        block.label(1),
        block.text("bucket"),
        block.text("name")
    );
    crate::analysis::words::has_word(
        &named,
        &[
            "public",
            "website",
            "site",
            "static",
            "www",
            "cdn",
            "assets",
            "web",
            "frontend",
            "media",
            "images",
            "downloads",
            "docs",
            "releases",
            "artifacts",
            "packages",
            "mirror",
            "landing",
            "blog",
        ],
    )
}
