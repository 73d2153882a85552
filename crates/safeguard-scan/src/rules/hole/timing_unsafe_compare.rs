//! A comparison that takes longer the more of a secret is guessed.

use safeguard_api::evidence::Severity;

use super::tls_not_verified::short;
use crate::analysis::code::Code;
use crate::analysis::sent::{Part, sent};
use crate::analysis::words::{has_word, is_secret, words};
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId};

pub static CHECK: Check = Check {
    id: "timing-unsafe-compare",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-208"],
    languages: super::EVERY,
    run,
};

fn run(source: &Source, _project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for binary in source.of_kind(Kind::Binary) {
        if let Some(("==" | "===" | "!=" | "!==", left, right)) = code.comparison(*binary) {
            pair(code, *binary, left, right, reports);
        }
    }
    for call in source.of_kind(Kind::Call) {
        let path = code.path(*call);
        let (left, right) = match code.called(*call) {
            "Equal" | "Compare"
                if matches!(
                    path,
                    "bytes.Equal" | "bytes.Compare" | "strings.EqualFold" | "strings.Compare"
                ) =>
            {
                (code.arg(*call, 0), code.arg(*call, 1))
            }
            "equals" | "localeCompare" => (code.receiver(*call), code.arg(*call, 0)),
            "compare" if path == "Buffer.compare" => (code.arg(*call, 0), code.arg(*call, 1)),
            _ => continue,
        };
        if let (Some(left), Some(right)) = (left, right) {
            pair(code, *call, left, right, reports);
        }
    }
}

fn pair(code: Code<'_>, node: NodeId, left: NodeId, right: NodeId, reports: &mut Reports) {
    if [left, right].iter().any(|side| is_fixed(code, *side)) {
        return;
    }
    let message = || {
        format!(
            "`{}` takes longer the more is guessed right, so a secret can be found letter by letter",
            short(code, node)
        )
    };
    if [left, right].iter().any(|side| is_mac(code, *side)) {
        reports.add(node, message());
        return;
    }
    let secret = |side: NodeId| {
        let side = code.bare(side);
        let name = code.last_name(side);
        let joined = words(name).join("");
        let named = is_secret(name) && !crate::analysis::words::is_password(name)
            || matches!(
                joined.as_str(),
                "token" | "csrftoken" | "apitoken" | "xapikey" | "otp" | "signature" | "resettoken"
            );
        let config = code.mentions(side, |name| {
            has_word(name, &["env", "environ", "settings", "config", "getenv"])
        }) || name
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'_' || byte.is_ascii_digit());
        (named, config)
    };
    let ((left_named, left_config), (right_named, right_config)) = (secret(left), secret(right));
    let from_outside = |side: NodeId| {
        sent(code, side)
            .is_some_and(|sent| matches!(sent.part, Part::Header | Part::Query | Part::Body | Part::Cookie))
    };
    if left_named && right_named && (left_config != right_config)
        || left_named && left_config && from_outside(right)
        || right_named && right_config && from_outside(left)
    {
        reports.note(node, message());
    }
}

/// What can not be a secret on one side: nothing, a literal, a kind.
fn is_fixed(code: Code<'_>, id: NodeId) -> bool {
    code.is_null(id)
        || matches!(
            code.kind(id),
            Kind::Str | Kind::Num | Kind::Bool | Kind::List | Kind::Tuple
        )
        || code.kind(id) == Kind::Unary
        || code.is_call(id) && matches!(code.called(id), "len" | "type" | "typeof")
        || code.kind(id) == Kind::Member && code.name(id) == "length"
}

/// Whether a value is the code of a message under a key: computed here, or set to such a value.
fn is_mac(code: Code<'_>, id: NodeId) -> bool {
    let id = code.bare(id);
    let value = code.set_to(id).unwrap_or(id);
    code.tree.subtree(value).any(|inner| {
        if !code.is_call(inner) {
            return false;
        }
        let path = code.path(inner);
        if matches!(
            path,
            "hmac.new" | "hmac.digest" | "hmac.HMAC" | "crypto.createHmac" | "hmac.New"
        ) {
            // A key made by another step of it is no comparison yet.
            return true;
        }
        // `mac.hexdigest()`, `hex.EncodeToString(mac.Sum(nil))`
        if matches!(code.called(inner), "hexdigest" | "digest" | "Sum")
            && let Some(of) = code.receiver(inner)
            && code.kind(of) == Kind::Name
            && let Some(made) = code.set_to(of)
        {
            return code.tree.subtree(made).any(|id| {
                code.is_call(id)
                    && matches!(
                        code.path(id),
                        "hmac.new" | "hmac.New" | "crypto.createHmac" | "hmac.HMAC"
                    )
            });
        }
        false
    })
}
