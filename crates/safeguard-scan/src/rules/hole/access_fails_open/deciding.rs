//! Which functions answer who may, by their names.

use crate::analysis::code::Code;
use crate::analysis::words::{has_word, is_about_access};
use crate::tree::NodeId;

/// Whether a function answers who may: its name says so, and says nothing of being optional.
pub(super) fn decides(code: Code<'_>, function: NodeId) -> bool {
    let name = code.function_name(function);
    // In a class of guards the method is called `canActivate`, `has_permission`, `authenticate`, `validate`.
    decides_by_name(name)
        || matches!(
            name,
            "validate" | "check" | "use" | "dispatch" | "__call__" | "process_request" | "handle" | ""
        ) && code
            .names_around(function)
            .iter()
            .any(|around| decides_by_name(around))
}

pub(super) fn decides_by_name(name: &str) -> bool {
    // `isTokenExpired`, `isBlocked`: here yes is the careful answer.
    let yes_is_careful = has_word(
        name,
        &[
            "expired",
            "expires",
            "expire",
            "blocked",
            "banned",
            "locked",
            "revoked",
            "invalid",
            "forbidden",
            "denied",
            "missing",
            "disabled",
            "suspicious",
            "stale",
            "blacklisted",
            "empty",
            "needed",
            "needs",
            "should",
            "must",
            "not",
            "unauthorized",
            "unauthenticated",
            "failed",
            "error",
            "throttled",
            "limited",
        ],
    );
    let asks = has_word(
        name,
        &[
            "auth",
            "authenticate",
            "authenticated",
            "authentication",
            "authorize",
            "authorise",
            "authorized",
            "authorization",
            "require",
            "requires",
            "verify",
            "verified",
            "check",
            "ensure",
            "protect",
            "protected",
            "guard",
            "is",
            "has",
            "can",
            "validate",
            "permission",
            "permissions",
            "permitted",
            "allowed",
            "enforce",
            "authorizer",
            "authenticator",
            "jwt",
        ],
    );
    is_about_access(name) && asks && !yes_is_careful && !is_optional(name)
}

pub(super) fn is_optional(name: &str) -> bool {
    has_word(
        name,
        &[
            "optional",
            "maybe",
            "try",
            "public",
            "anonymous",
            "guest",
            "allowany",
            "logout",
            "attach",
            "soft",
            "login",
            "if",
            "skip",
            "redirect",
            "populate",
        ],
    )
}
