"""Sharing with colleagues, and links for people without an account."""

import time
from typing import TYPE_CHECKING

from filing import audit, passwords
from filing.documents import for_owner
from filing.server import Answer, Problem

if TYPE_CHECKING:
    from filing.app import Context

LINK_DAYS_MAX = 90


def share(context: "Context", id: int) -> Answer:
    asked = context.call.json()
    email, right = asked.get("email"), asked.get("right")
    if not isinstance(email, str) or right not in ("reader", "editor"):
        raise Problem(400, "`email` and `right` (reader or editor) are needed")
    with context.database.writing() as db:
        for_owner(db, id, context.me)
        other = db.execute(
            "SELECT id FROM accounts WHERE email = ? AND NOT disabled", (email.strip().lower(),)
        ).fetchone()
        if other is None:
            raise Problem(404, "no such colleague")
        db.execute(
            "INSERT INTO shares VALUES (?, ?, ?) ON CONFLICT (document_id, account_id) DO UPDATE SET right = excluded.right",
            (id, other["id"], right),
        )
        audit.record(db, context.me.id, "shared", f"document:{id}", f"account:{other['id']} {right}")
    return Answer(200, {"account": other["id"], "right": right})


def unshare(context: "Context", id: int, account: int) -> Answer:
    with context.database.writing() as db:
        for_owner(db, id, context.me)
        gone = db.execute("DELETE FROM shares WHERE document_id = ? AND account_id = ?", (id, account))
        if gone.rowcount != 1:
            raise Problem(404, "it is not shared with this account")
        audit.record(db, context.me.id, "unshared", f"document:{id}", f"account:{account}")
    return Answer(200, {})


def create_link(context: "Context", id: int) -> Answer:
    days = context.call.json().get("days", 7)
    if type(days) is not int or not 1 <= days <= LINK_DAYS_MAX:
        raise Problem(400, f"a link lasts 1 to {LINK_DAYS_MAX} days")
    token = passwords.new_token()
    expires_at = int(time.time()) + days * 86_400
    with context.database.writing() as db:
        for_owner(db, id, context.me)
        db.execute(
            "INSERT INTO links (token_hash, document_id, expires_at) VALUES (?, ?, ?)",
            (passwords.token_hash(token), id, expires_at),
        )
        audit.record(db, context.me.id, "link-created", f"document:{id}", f"until {expires_at}")
    return Answer(201, {"token": token, "expires_at": expires_at})


def open_link(context: "Context", token: str) -> Answer:
    with context.database.reading() as db:
        document = db.execute(
            "SELECT d.title, d.body FROM links l JOIN documents d ON d.id = l.document_id"
            " WHERE l.token_hash = ? AND l.expires_at > ? AND NOT l.revoked AND d.trashed_at IS NULL",
            (passwords.token_hash(token), int(time.time())),
        ).fetchone()
    if document is None:
        raise Problem(404, "the link is unknown or has expired")
    return Answer(200, dict(document))
