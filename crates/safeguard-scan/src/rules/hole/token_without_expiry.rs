//! A token that is good for ever.

use safeguard_api::evidence::Severity;

use super::EVERY;
use super::tls_not_verified::short;
use crate::analysis::code::Code;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "token-without-expiry",
    failure: "X3",
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    cwe: &["CWE-613"],
    languages: EVERY,
    run,
};

fn run(source: &Source, _project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in code.calls() {
        let path = code.path(call);
        let makes = match path {
            "jwt.encode" | "jose.jwt.encode" | "jsonwebtoken.sign" | "jwt.sign" => code.arg(call, 0),
            "jwt.NewWithClaims" => code.arg(call, 1),
            _ => None,
        };
        let Some(claims) = makes else {
            continue;
        };
        let claims = code.bare(claims);
        let written = code.set_to(claims).unwrap_or(claims);
        let is_literal = matches!(code.kind(written), Kind::Object | Kind::Composite);
        // What is spread in, or comes as an argument, may have one.
        let open = code
            .tree
            .children(written)
            .any(|part| code.kind(part) == Kind::Spread);
        let options = code
            .arg(call, 2)
            .is_some_and(|options| !matches!(code.kind(options), Kind::Object | Kind::Str | Kind::Lambda));
        if !is_literal
            || open
            || options
            || code.kind(written) == Kind::Composite && !code.name(written).contains("Claims")
        {
            continue;
        }
        if !expires(code, call, written, claims) {
            reports.note(
                call,
                format!(
                    "`{}` is good for ever, also when it was stolen",
                    short(code, call)
                ),
            );
        }
    }
}

fn expires(code: Code<'_>, call: NodeId, written: NodeId, claims: NodeId) -> bool {
    let is = |name: &str| {
        matches!(
            name,
            "exp" | "expiresIn" | "ExpiresAt" | "expires_in" | "expires" | "expiresAt"
        )
    };
    let within = |id: NodeId| {
        code.tree.subtree(id).any(|id| {
            matches!(
                code.kind(id),
                Kind::Str | Kind::Name | Kind::Member | Kind::Keyword
            ) && is(code.name(id))
        })
    };
    if within(call) || within(written) {
        return true;
    }
    // `claims["exp"] = …` follows.
    let name = code.name(claims);
    let function = code.function(call).unwrap_or(NodeId::ROOT);
    code.source.of_kind(Kind::Assign).iter().any(|assign| {
        code.tree.within(*assign, function)
            && code
                .child(*assign, Role::Target)
                .is_some_and(|target| is(code.last_name(target)) && code.first_name(target) == name)
    }) || code.source.of_kind(Kind::Call).iter().any(|other| {
        code.tree.within(*other, function)
            && code.called(*other) == "update"
            && code.receiver(*other).is_some_and(|of| code.name(of) == name)
            && within(*other)
    })
}
