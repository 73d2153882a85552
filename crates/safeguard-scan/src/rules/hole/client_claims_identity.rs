//! Who somebody is, or what they may do, as they say themselves.

mod claim_names;
mod letting_in;

use safeguard_api::evidence::Severity;

use super::EVERY;
use super::tls_not_verified::short;
use crate::analysis::code::Code;
use crate::analysis::sent::{Part, Sent, sent};
use crate::analysis::settings::settings;
use crate::analysis::words::{has_word, is_about_access, words};
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};
use claim_names::{is_address_header, is_identity_header, is_local_host, is_role};
use letting_in::{from_gateway, is_access_place, lets_in, refuses_around};

pub static CHECK: Check = Check {
    id: "client-claims-identity",
    failure: "X3",
    severity: Severity::Critical,
    confidence: Confidence::High,
    cwe: &["CWE-290", "CWE-302", "CWE-639", "CWE-269"],
    languages: EVERY,
    run,
};

fn run(source: &Source, _project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for kind in [Kind::If, Kind::Conditional] {
        for branch in source.of_kind(kind) {
            if let Some(condition) = code.child(*branch, Role::Condition) {
                asked(code, *branch, condition, reports);
            }
        }
    }
    for returned in source.of_kind(Kind::Return) {
        if let Some(value) = code.child(*returned, Role::Value)
            && code.kind(value) == Kind::Binary
            && code
                .function(value)
                .is_some_and(|function| is_about_access(code.function_name(function)))
        {
            asked(code, *returned, value, reports);
        }
    }
    for assign in source.of_kind(Kind::Assign) {
        if let Some(value) = code.child(*assign, Role::Value) {
            believed(code, value, reports);
        }
    }
    for returned in source.of_kind(Kind::Return) {
        if let Some(value) = code.child(*returned, Role::Value) {
            believed(code, value, reports);
        }
    }
    chooses_role(code, reports);
}

/// What is compared in a condition.
fn asked(code: Code<'_>, branch: NodeId, condition: NodeId, reports: &mut Reports) {
    let mut parts = Vec::new();
    flatten(code, condition, false, &mut parts);
    for (part, negated) in parts {
        let (operator, value, other) = match code.comparison(part) {
            Some((operator @ ("==" | "===" | "!=" | "!==" | "in" | "not in"), left, right)) => {
                match (sent(code, left), sent(code, right)) {
                    (Some(_), None) => (operator, left, Some(right)),
                    (None, Some(_)) if !operator.contains("in") => (operator, right, Some(left)),
                    _ => continue,
                }
            }
            Some(_) => continue,
            None => match starts_with(code, part) {
                Some((value, text)) => ("==", value, Some(text)),
                None => ("", part, None),
            },
        };
        let Some(sent) = sent(code, value) else {
            continue;
        };
        let wants = match operator {
            "" | "==" | "===" | "in" => !negated,
            _ => negated,
        };
        if is_role(&sent.name)
            && (sent.part != Part::Body || other.is_some() || code.kind(part) != Kind::Binary)
        {
            role_asked(code, branch, condition, &sent, other, wants, reports);
        } else if sent.part == Part::Header && is_address_header(&sent.name) {
            address_asked(code, branch, &sent, other, operator, reports);
        } else if sent.part == Part::Header && sent.name.eq_ignore_ascii_case("host") {
            let local = other
                .and_then(|other| code.text(other))
                .is_some_and(is_local_host);
            if local && lets_in(code, branch, wants) {
                reports.add(
                    part,
                    "the client writes the header `Host` itself: everybody can claim to be local",
                );
            }
        }
    }
}

fn flatten(code: Code<'_>, id: NodeId, negated: bool, parts: &mut Vec<(NodeId, bool)>) {
    match code.kind(id) {
        Kind::Binary if matches!(code.name(id), "and" | "or") => {
            for side in code.tree.children(id) {
                flatten(code, side, negated, parts);
            }
        }
        Kind::Unary if code.name(id) == "not" => {
            if let Some(value) = code.child(id, Role::Value) {
                flatten(code, value, !negated, parts);
            }
        }
        _ => parts.push((id, negated)),
    }
}

/// `x.startswith("10.")`, `ALLOWED.includes(x)`, `strings.HasPrefix(x, "10.")`: the value and what it is compared with.
fn starts_with(code: Code<'_>, call: NodeId) -> Option<(NodeId, NodeId)> {
    if code.kind(call) != Kind::Call {
        return None;
    }
    match code.called(call) {
        "startswith" | "startsWith" => Some((code.receiver(call)?, code.arg(call, 0)?)),
        "includes" | "has" => Some((code.arg(call, 0)?, code.receiver(call)?)),
        "HasPrefix" => Some((code.arg(call, 0)?, code.arg(call, 1)?)),
        "Contains" => Some((code.arg(call, 1)?, code.arg(call, 0)?)),
        _ => None,
    }
}

fn role_asked(
    code: Code<'_>,
    branch: NodeId,
    condition: NodeId,
    sent: &Sent,
    other: Option<NodeId>,
    wants: bool,
    reports: &mut Reports,
) {
    // `role == ""`, `role is None` and lists of what is accepted check the form of what was sent.
    if other.is_some_and(|other| {
        code.is_null(other)
            || code.text(other) == Some("")
            || matches!(
                code.kind(code.literal(other)),
                Kind::List | Kind::Tuple | Kind::Set
            ) && code.tree.children(code.literal(other)).count() > 2
            || code.kind(other) == Kind::Name
                && has_word(
                    code.name(other),
                    &["valid", "roles", "choices", "allowed", "enum"],
                )
    }) {
        return;
    }
    if other.is_none()
        && matches!(sent.part, Part::Body)
        && !words(&sent.name)
            .iter()
            .any(|word| word.starts_with("is") || word == "admin")
    {
        return;
    }
    // Somebody else is asked too: the user who is signed in.
    let knows_user = code.tree.subtree(condition).any(|id| {
        matches!(code.kind(id), Kind::Name | Kind::Member)
            && matches!(
                code.name(id),
                "current_user"
                    | "currentUser"
                    | "user"
                    | "session"
                    | "principal"
                    | "claims"
                    | "requester"
                    | "actor"
            )
    });
    if knows_user || !lets_in(code, branch, wants) {
        return;
    }
    let message = format!(
        "`{}` decides by `{}` of {}, which the client writes as it likes",
        short(code, condition),
        sent.name,
        sent.part.as_str()
    );
    let inside_known = code.conditions_around(branch).into_iter().any(|outer| {
        outer != condition
            && code.mentions(outer, |name| {
                matches!(name, "current_user" | "user" | "session" | "is_admin" | "isAdmin")
            })
    });
    // Forms have a role too: what follows shows whether it is believed.
    let strong = sent.part != Part::Body
        && (sent.part != Part::Query || is_access_place(code, branch) || wants_admin(code, other))
        || refuses_around(code, branch);
    if strong && !inside_known && !from_gateway(code, branch) {
        reports.add(condition, message);
    } else {
        reports.note(condition, message);
    }
}

fn wants_admin(code: Code<'_>, other: Option<NodeId>) -> bool {
    other.is_none_or(|other| {
        code.boolean(other) == Some(true)
            || code.text(other).is_some_and(|text| {
                matches!(text, "true" | "1" | "yes")
                    || has_word(
                        text,
                        &["admin", "administrator", "superuser", "root", "owner", "staff"],
                    )
            })
    })
}

fn address_asked(
    code: Code<'_>,
    branch: NodeId,
    sent: &Sent,
    other: Option<NodeId>,
    operator: &str,
    reports: &mut Reports,
) {
    let Some(other) = other else {
        return;
    };
    if code.is_null(other) || code.text(other) == Some("") || operator.is_empty() {
        return;
    }
    let fixed = code.text(other).is_some()
        || matches!(
            code.kind(code.literal(other)),
            Kind::List | Kind::Tuple | Kind::Set | Kind::Object
        )
        || has_word(
            code.last_name(other),
            &[
                "allowed",
                "allow",
                "allowlist",
                "whitelist",
                "trusted",
                "internal",
                "admin",
                "ips",
                "permitted",
            ],
        );
    if has_word(
        code.last_name(other),
        &["blocked", "banned", "blacklist", "blocklist", "denied", "deny"],
    ) || !fixed
    {
        return;
    }
    let message = format!(
        "the client writes the header `{}` itself: everybody can claim an address that is let in",
        sent.name
    );
    if from_gateway(code, branch) {
        reports.note(branch, message);
    } else {
        reports.add(branch, message);
    }
}

/// `user_id = request.headers.get("X-User-Id")` where that decides who somebody is.
fn believed(code: Code<'_>, value: NodeId, reports: &mut Reports) {
    let value = code.bare(value);
    if code.kind(value) == Kind::Name {
        return;
    }
    let Some(sent) =
        sent(code, value).filter(|sent| sent.part == Part::Header && is_identity_header(&sent.name))
    else {
        return;
    };
    let message = format!(
        "who somebody is comes from the header `{}`, which the client writes as it likes",
        sent.name
    );
    let named = code.names_around(value).iter().any(|name| is_about_access(name));
    if named && !from_gateway(code, value) {
        reports.add(value, message);
    } else {
        reports.note(value, message);
    }
}

/// `User(role=request.json["role"])` where somebody registers.
fn chooses_role(code: Code<'_>, reports: &mut Reports) {
    for setting in settings(code) {
        let is_right = words(setting.name).join("");
        if !matches!(
            is_right.as_str(),
            "role" | "isadmin" | "admin" | "issuperuser" | "isstaff" | "userrole" | "roles" | "permissions"
        ) || code.kind(setting.node) == Kind::Param
        {
            continue;
        }
        let target_is_plain = code.kind(setting.node) == Kind::Assign
            && code
                .child(setting.node, Role::Target)
                .is_some_and(|target| code.kind(target) == Kind::Name);
        if target_is_plain {
            continue;
        }
        let Some(_) = sent(code, setting.value).filter(|sent| sent.part == Part::Body && is_role(&sent.name))
        else {
            continue;
        };
        let registers = code.names_around(setting.node).into_iter().any(is_registration)
            || code
                .tree
                .ancestors(setting.node)
                .filter(|around| code.is_call(*around))
                .any(|call| {
                    code.arg(call, 0)
                        .and_then(|path| code.text(path))
                        .is_some_and(|path| path.starts_with('/') && is_registration(path))
                })
            || code
                .function(setting.node)
                .into_iter()
                .flat_map(|function| code.tree.children_in(function, Role::Decorator))
                .any(|decorator| code.texts_in(decorator).any(is_registration));
        // What was looked at before is not just taken over.
        let function = code.function(setting.node).unwrap_or(NodeId::ROOT);
        let looked_at = code.source.of_kind(Kind::If).iter().any(|branch| {
            code.tree.within(*branch, function)
                && code.tree.span(*branch).start < code.tree.span(setting.node).start
                && code.child(*branch, Role::Condition).is_some_and(|condition| {
                    code.mentions(condition, |name| {
                        is_role(name) || matches!(name, "current_user" | "user")
                    }) || code.texts_in(condition).any(is_role)
                })
        });
        if registers && !looked_at {
            reports.add(
                setting.node,
                format!(
                    "`{}`: whoever registers chooses what they may do",
                    short(code, setting.node)
                ),
            );
        }
    }
}

fn is_registration(name: &str) -> bool {
    let joined = words(name).join(" ");
    ["register", "registration", "signup", "sign up", "create account"]
        .iter()
        .any(|word| {
            joined.split(' ').any(|part| part == *word) || word.contains(' ') && joined.contains(word)
        })
}
