//! Tokens whose signature was checked before, and that are only taken apart now.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::matching::Source;
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Taken};
use crate::tree::{Kind, NodeId};

pub fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let before = verifying(both.base);
    let now = verifying(both.head);
    if before.is_empty() || !now.is_empty() || !unverified(both.base).is_empty() {
        return;
    }
    if before
        .iter()
        .any(|name| both.moved.mentions_elsewhere(&both.head.path, name))
    {
        return;
    }
    if let Some(node) = unverified(both.head).first() {
        taken.push(Taken {
            node: *node,
            severity: Severity::Critical,
            confidence: Confidence::High,
            message: "the token's signature was checked here, and this change only takes the token apart: anybody can write one"
                .to_owned(),
        });
    }
}

/// The names of what checks signatures in a file.
fn verifying(source: &Source) -> Vec<String> {
    let code = Code::of(source);
    calls(code)
        .filter(|call| {
            let name = code.called(*call);
            let of = code
                .receiver(*call)
                .map_or("", |of| code.last_name(of))
                .to_ascii_lowercase();
            let verifies = matches!(name, "ParseWithClaims" | "jwtVerify" | "jwtDecrypt")
                || matches!(name, "verify" | "Parse" | "decode" | "verifyAsync") && of.contains("jwt")
                || name == "decode" && of == "jose";
            verifies && !is_unverified(code, *call)
        })
        .map(|call| code.called(call).to_owned())
        .collect()
}

fn unverified(source: &Source) -> Vec<NodeId> {
    let code = Code::of(source);
    calls(code).filter(|call| is_unverified(code, *call)).collect()
}

fn calls(code: Code<'_>) -> impl Iterator<Item = NodeId> + '_ {
    code.source.of_kind(Kind::Call).iter().copied()
}

fn is_unverified(code: Code<'_>, call: NodeId) -> bool {
    let name = code.called(call);
    let of = code
        .receiver(call)
        .map_or("", |of| code.last_name(of))
        .to_ascii_lowercase();
    if matches!(
        name,
        "ParseUnverified"
            | "decodeJwt"
            | "jwtDecode"
            | "jwt_decode"
            | "get_unverified_claims"
            | "UnsafeClaimsWithoutVerification"
    ) {
        return true;
    }
    if name != "decode" || !of.contains("jwt") {
        return false;
    }
    // JavaScript's `jwt.decode` never checks; Python's does unless it is told not to.
    if code.tree.language() != crate::language::Language::Python {
        return !matches!(code.tree.language(), crate::language::Language::Go);
    }
    let text = code.tree.source(call);
    text.contains("verify_signature") && text.contains("False") || text.contains("verify=False")
}
