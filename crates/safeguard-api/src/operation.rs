//! Every operation of the API, once: the table feeds the server's routes, its authorisation, the API's description,
//! the reference page and the tests of completeness.

use serde::Serialize;

pub use crate::scope::Scope;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    Get,
    Post,
    Put,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Operation {
    pub id: &'static str,
    pub method: Method,
    /// In axum's form, such as `/api/v1/changes/{id}`.
    pub path: &'static str,
    pub scope: Scope,
    pub summary: &'static str,
}

impl Operation {
    /// Whether it changes anything; such an operation refuses a stranger and leaves an entry in the log.
    #[must_use]
    pub fn mutates(&self) -> bool {
        self.method != Method::Get
    }
}

const fn op(
    id: &'static str,
    method: Method,
    path: &'static str,
    scope: Scope,
    summary: &'static str,
) -> Operation {
    Operation {
        id,
        method,
        path,
        scope,
        summary,
    }
}

use Method::{Get, Post, Put};
use Scope::{Admin, Evidence, Operate, Propose, Public, Read};

/// Sorted by id.
pub const OPERATIONS: &[Operation] = &[
    op(
        "approval.add",
        Post,
        "/api/v1/releases/{id}/approvals",
        Operate,
        "Takes in a signed statement: the signature says who approves",
    ),
    op(
        "approval.link",
        Post,
        "/api/v1/releases/{id}/approvals/link",
        Operate,
        "Makes a link to the page that signs with a passkey; it works once",
    ),
    op(
        "approval.list",
        Get,
        "/api/v1/releases/{id}/approvals",
        Read,
        "Lists what people signed about a release",
    ),
    op(
        "approval.request",
        Post,
        "/api/v1/releases/{id}/approvals/request",
        Operate,
        "Makes the statement to sign, with the dossier that it speaks of",
    ),
    op(
        "approval.who",
        Get,
        "/api/v1/releases/{id}/approvers",
        Read,
        "Says for each approver whether this one may approve, and why not",
    ),
    op(
        "artifact.put",
        Put,
        "/api/v1/artifacts/{digest}",
        Propose,
        "Stores an artifact: the body is its tar",
    ),
    op(
        "audit.entries",
        Get,
        "/api/v1/audit/entries",
        Read,
        "Lists log entries, the newest first",
    ),
    op(
        "audit.export",
        Post,
        "/api/v1/audit/export",
        Read,
        "Returns the whole log as a tar that verifies with nothing else present",
    ),
    op(
        "audit.prove",
        Get,
        "/api/v1/audit/prove/{index}",
        Read,
        "Returns an entry with its inclusion proof and a checkpoint",
    ),
    op(
        "breakglass.list",
        Get,
        "/api/v1/breakglasses",
        Read,
        "Lists break-glasses, the newest first",
    ),
    op(
        "breakglass.request",
        Post,
        "/api/v1/breakglasses",
        Operate,
        "Asks two people to let a release move through a freeze",
    ),
    op(
        "breakglass.review",
        Post,
        "/api/v1/breakglasses/{id}/review",
        Operate,
        "Records what was found out after a break-glass",
    ),
    op(
        "breakglass.sign",
        Post,
        "/api/v1/breakglasses/{id}/sign",
        Operate,
        "Takes in one person's signature under a break-glass",
    ),
    op("change.add", Post, "/api/v1/changes", Propose, "Records a change"),
    op(
        "change.attach",
        Put,
        "/api/v1/changes/{id}/documents/{kind}",
        Propose,
        "Attaches a document to a change: the body as it is",
    ),
    op(
        "change.document",
        Get,
        "/api/v1/changes/{id}/documents/{kind}",
        Read,
        "Returns a document of a change",
    ),
    op(
        "change.dossier",
        Get,
        "/api/v1/changes/{id}/dossier",
        Read,
        "Returns the dossier of a change: JSON, or with `?format=` markdown or html",
    ),
    op(
        "change.list",
        Get,
        "/api/v1/changes",
        Read,
        "Lists changes, the newest first",
    ),
    op(
        "change.show",
        Get,
        "/api/v1/changes/{id}",
        Read,
        "Returns a change and the releases that carry it",
    ),
    op(
        "drill.run",
        Post,
        "/api/v1/releases/{id}/drill",
        Operate,
        "Holds the rollback drill of a release",
    ),
    op(
        "drill.show",
        Get,
        "/api/v1/releases/{id}/drill",
        Read,
        "Returns what is known of a release's rollback drills",
    ),
    op(
        "evidence.add",
        Post,
        "/api/v1/evidence",
        Evidence,
        "Adds a report: the body is the file, the query says what it is",
    ),
    op(
        "evidence.list",
        Get,
        "/api/v1/evidence",
        Read,
        "Lists evidence of a service, the newest first",
    ),
    op(
        "evidence.show",
        Get,
        "/api/v1/evidence/{id}",
        Read,
        "Returns what a report says",
    ),
    op(
        "freeze.check",
        Get,
        "/api/v1/freezes/check",
        Read,
        "Says of each service whether releases may move at a moment, and why",
    ),
    op(
        "freeze.close",
        Post,
        "/api/v1/freezes/{id}/close",
        Operate,
        "Closes a freeze",
    ),
    op(
        "freeze.ics",
        Get,
        "/api/v1/freezes.ics",
        Read,
        "Returns freezes and calendars as iCalendar, for people's own calendars",
    ),
    op(
        "freeze.list",
        Get,
        "/api/v1/freezes",
        Read,
        "Lists freezes, the open ones first",
    ),
    op(
        "freeze.open",
        Post,
        "/api/v1/freezes",
        Operate,
        "Opens a freeze: nothing moves towards production",
    ),
    op(
        "gate.explain",
        Get,
        "/api/v1/releases/{id}/gates",
        Read,
        "Returns what each gate says of a release: every figure against its limit, and what is missing",
    ),
    op(
        "health",
        Get,
        "/healthz",
        Public,
        "Answers 200 when the server can write",
    ),
    op(
        "openapi",
        Get,
        "/api/v1/openapi.json",
        Public,
        "Describes this API",
    ),
    op(
        "passkey.enrol",
        Post,
        "/api/v1/passkeys",
        Read,
        "Enrols the passkey that a browser made by an invitation",
    ),
    op(
        "passkey.invitation",
        Get,
        "/api/v1/passkeys/invitation",
        Read,
        "Returns what the browser needs to make the invited person's passkey",
    ),
    op(
        "passkey.invite",
        Post,
        "/api/v1/passkeys/invitations",
        Admin,
        "Makes a link that enrols a passkey for a person; it works once",
    ),
    op(
        "passkey.list",
        Get,
        "/api/v1/passkeys",
        Read,
        "Lists passkeys, with the revoked ones",
    ),
    op(
        "passkey.revoke",
        Post,
        "/api/v1/passkeys/{id}/revoke",
        Admin,
        "Makes a passkey void",
    ),
    op(
        "policy.apply",
        Post,
        "/api/v1/policy",
        Admin,
        "Puts a policy in force for releases that enter from then on",
    ),
    op(
        "policy.show",
        Get,
        "/api/v1/policy",
        Read,
        "Returns the policy in force",
    ),
    op(
        "release.clear",
        Post,
        "/api/v1/releases/{id}/clear",
        Admin,
        "Lets a rolled-back digest be released again",
    ),
    op(
        "release.create",
        Post,
        "/api/v1/releases",
        Propose,
        "Creates a release and starts its walk",
    ),
    op(
        "release.hold",
        Post,
        "/api/v1/releases/{id}/hold",
        Operate,
        "Keeps a release where it is",
    ),
    op(
        "release.list",
        Get,
        "/api/v1/releases",
        Read,
        "Lists releases, the newest first",
    ),
    op(
        "release.promote",
        Post,
        "/api/v1/releases/{id}/promote",
        Operate,
        "Asks for the next step; refused with figures when something stands in the way",
    ),
    op(
        "release.review",
        Post,
        "/api/v1/releases/{id}/review",
        Operate,
        "Records that somebody else has looked at a hotfix afterwards",
    ),
    op(
        "release.rollback",
        Post,
        "/api/v1/releases/{id}/rollback",
        Operate,
        "Rolls a release back; needs no reason and is never refused",
    ),
    op(
        "release.show",
        Get,
        "/api/v1/releases/{id}",
        Read,
        "Returns a release, its rollout, its instances and its traffic",
    ),
    op(
        "status",
        Get,
        "/api/v1/status",
        Read,
        "Returns services, environments, releases, freezes and processes",
    ),
    op(
        "tlog.checkpoint",
        Get,
        "/tlog/checkpoint",
        Public,
        "Returns the newest signed checkpoint",
    ),
    op(
        "tlog.entries",
        Get,
        "/tlog/tile/entries/{*path}",
        Read,
        "Returns a bundle of entries",
    ),
    op(
        "tlog.tile",
        Get,
        "/tlog/tile/{level}/{*path}",
        Public,
        "Returns a tile of hashes",
    ),
    op(
        "token.create",
        Post,
        "/api/v1/tokens",
        Admin,
        "Makes a token; its secret is shown once",
    ),
    op(
        "token.list",
        Get,
        "/api/v1/tokens",
        Admin,
        "Lists tokens, without their secrets",
    ),
    op(
        "token.revoke",
        Post,
        "/api/v1/tokens/{id}/revoke",
        Admin,
        "Makes a token void",
    ),
    op(
        "waiver.list",
        Get,
        "/api/v1/waivers",
        Read,
        "Lists waivers, the newest first",
    ),
    op(
        "waiver.request",
        Post,
        "/api/v1/waivers",
        Operate,
        "Asks two people to set a gate aside for a release",
    ),
    op(
        "waiver.revoke",
        Post,
        "/api/v1/waivers/{id}/revoke",
        Operate,
        "Makes a waiver void",
    ),
    op(
        "waiver.sign",
        Post,
        "/api/v1/waivers/{id}/sign",
        Operate,
        "Takes in one person's signature under a waiver",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_has_no_double() {
        for pair in OPERATIONS.windows(2) {
            assert!(pair[0].id < pair[1].id, "{} before {}", pair[0].id, pair[1].id);
        }
        for (at, one) in OPERATIONS.iter().enumerate() {
            let same = |other: &&Operation| (other.method, other.path) == (one.method, one.path);
            assert!(
                OPERATIONS[at + 1..].iter().find(same).is_none(),
                "{} is there twice",
                one.path
            );
        }
    }

    #[test]
    fn whatever_mutates_needs_more_than_being_reachable() {
        for operation in OPERATIONS.iter().filter(|operation| operation.mutates()) {
            assert!(operation.scope > Scope::Public, "{}", operation.id);
        }
    }
}
