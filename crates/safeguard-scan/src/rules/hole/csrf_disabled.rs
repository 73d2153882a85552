//! Another website can act in the name of whoever visits it.

use safeguard_api::evidence::Severity;

use super::EVERY;
use super::tls_not_verified::short;
use crate::analysis::code::Code;
use crate::analysis::place;
use crate::analysis::settings::settings;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "csrf-disabled",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-352"],
    languages: EVERY,
    run,
};

/// Spring: `csrf(csrf -> csrf.disable())`.
pub static SPRING: Check = Check {
    languages: &[Language::Java],
    run: spring,
    ..CHECK
};

fn spring(source: &Source, _project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.of_kind(Kind::Call).iter().copied() {
        let off = match code.called(call) {
            "disable" => {
                let mut around = code.tree.ancestors(call).filter(|around| code.is_call(*around));
                code.receiver(call).is_some_and(|of| code.called(of) == "csrf")
                    || around.next().is_some_and(|around| code.called(around) == "csrf")
            }
            "csrf" => code
                .args(call)
                .first()
                .is_some_and(|arg| code.tree.source(*arg).ends_with("::disable")),
            // All of the paths left out.
            "ignoringRequestMatchers" | "ignoringAntMatchers" => code
                .args(call)
                .into_iter()
                .any(|path| matches!(code.text(path), Some("/**" | "/*" | "**"))),
            _ => false,
        };
        if !off || source.is_test() {
            continue;
        }
        let text = source.tree.text();
        let has = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
        let told = "another website can act in the name of whoever is signed in here by a session";
        // Who proves who they are with each request has no session to ride on.
        if has(&["formLogin", "oauth2Login", "rememberMe"]) && !has(&["STATELESS"]) {
            reports.add(call, told);
        } else if !has(&[
            "STATELESS",
            "oauth2ResourceServer",
            "httpBasic",
            "jwt",
            "Jwt",
            "JWT",
        ]) {
            reports.note(call, told);
        }
    }
}

fn run(source: &Source, _project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for setting in settings(code) {
        let off = match setting.name {
            "WTF_CSRF_ENABLED"
            | "WTF_CSRF_CHECK_DEFAULT"
            | "CSRF_ENABLED"
            | "csrfProtection"
            | "enableCsrf"
            | "csrf_protect" => code.boolean(setting.value) == Some(false),
            "ignoreMethods" => code.texts_in(setting.value).any(|method| method == "POST"),
            _ => false,
        };
        if !off {
            continue;
        }
        let message = format!(
            "`{}`: another website can act in the name of whoever visits it",
            short(code, setting.node)
        );
        let for_tests = place::is_local(&source.path)
            || code.names_around(setting.node).iter().any(|name| has_word(name, &["test", "testing", "tests", "dev", "development"]))
            || code
                .conditions_around(setting.node)
                .into_iter()
                .any(|condition| code.mentions(condition, |name| has_word(name, &["testing", "test", "debug"])))
            // `app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)`
            || setting.beside(code, "TESTING").is_some();
        if for_tests {
            continue;
        }
        reports.add(setting.node, message);
    }
    for decorator in source.of_kind(Kind::Decorator) {
        let Some(value) = code.child(*decorator, Role::Value) else {
            continue;
        };
        let exempt =
            code.mentions(value, |name| name == "csrf_exempt") || code.tree.source(value) == "csrf.exempt";
        let Some(function) = code.tree.parent(*decorator).filter(|_| exempt) else {
            continue;
        };
        exempted(code, *decorator, function, reports);
    }
    for call in source.of_kind(Kind::Call) {
        if code.called(*call) == "exempt"
            && code
                .receiver(*call)
                .is_some_and(|of| has_word(code.last_name(of), &["csrf"]))
        {
            let name = code.arg(*call, 0).map_or("", |arg| code.last_name(arg));
            if !is_for_machines(name) {
                reports.note(
                    *call,
                    format!(
                        "`{}`: another website can act in the name of whoever visits it",
                        short(code, *call)
                    ),
                );
            }
        }
    }
}

fn is_for_machines(name: &str) -> bool {
    has_word(
        name,
        &[
            "webhook",
            "webhooks",
            "hook",
            "callback",
            "api",
            "health",
            "healthz",
            "ping",
            "metrics",
            "graphql",
            "rpc",
            "ipn",
            "notify",
            "token",
            "oauth",
            "stripe",
            "github",
            "saml",
            "sso",
            "oidc",
            "scim",
            "acs",
            "sls",
            "registration",
            "lti",
        ],
    )
}

/// A view that the session opens needs the token; what is signed or has a token of its own does not.
fn exempted(code: Code<'_>, decorator: NodeId, function: NodeId, reports: &mut Reports) {
    let name = code.name(function);
    let machine = is_for_machines(name)
        || code.mentions(function, |name| {
            has_word(name, &["signature", "hmac", "bearer", "authorization", "webhook"])
                || matches!(name, "HTTP_AUTHORIZATION" | "compare_digest")
        })
        || code.texts_in(function).any(|text| {
            text.eq_ignore_ascii_case("HTTP_AUTHORIZATION")
                || text.eq_ignore_ascii_case("authorization")
                || has_word(text, &["signature", "webhook"])
        });
    if machine {
        return;
    }
    let by_session = code.tree.subtree(function).any(|id| match code.kind(id) {
        Kind::Member => {
            matches!(code.name(id), "user" | "session") && code.first_name(id) == "request"
                || code.name(id) == "current_user"
        }
        Kind::Name => matches!(
            code.name(id),
            "login_required"
                | "LoginRequiredMixin"
                | "current_user"
                | "permission_required"
                | "staff_member_required"
        ),
        _ => false,
    });
    let message = format!("`{name}` is exempt: another website can act in the name of whoever visits it");
    if by_session && code.kind(function) == Kind::Function {
        reports.add(decorator, message);
    } else {
        reports.note(decorator, message);
    }
}
