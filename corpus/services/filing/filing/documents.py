"""Documents and their revisions."""

import sqlite3
import time
from typing import TYPE_CHECKING, Any

from filing import audit
from filing.accounts import Account
from filing.server import Answer, Problem

if TYPE_CHECKING:
    from filing.app import Context

TITLE_LENGTH_MAX = 200
BODY_LENGTH_MAX = 200_000
PAGE = 25


def every(context: "Context") -> Answer:
    """Own documents and shared ones, the newest first."""
    query = context.call.query
    page = query.get("page", "1")
    if not (page.isascii() and page.isdigit() and 1 <= int(page) <= 10_000):
        raise Problem(400, "`page` has to be a number from 1")
    with context.database.reading() as db:
        rows = db.execute(
            "SELECT id, title, version, updated_at, owner_id = :me AS own FROM documents"
            " WHERE trashed_at IS NULL AND instr(lower(title), lower(:search))"
            " AND (owner_id = :me OR id IN (SELECT document_id FROM shares WHERE account_id = :me))"
            " ORDER BY updated_at DESC, id DESC LIMIT :page OFFSET :skipped",
            {
                "me": context.me.id,
                "search": query.get("search", ""),
                "page": PAGE,
                "skipped": (int(page) - 1) * PAGE,
            },
        ).fetchall()
    return Answer(200, {"documents": [dict(row) for row in rows]})


def create(context: "Context") -> Answer:
    title, body = _text(context.call.json())
    now = int(time.time())
    with context.database.writing() as db:
        created = db.execute(
            "INSERT INTO documents (owner_id, title, body, updated_at) VALUES (?, ?, ?, ?)",
            (context.me.id, title, body, now),
        ).lastrowid
        db.execute("INSERT INTO revisions VALUES (?, 1, ?, ?, ?, ?)", (created, title, body, context.me.id, now))
        audit.record(db, context.me.id, "created", f"document:{created}")
    return Answer(201, {"id": created, "version": 1})


def read(context: "Context", id: int) -> Answer:
    with context.database.reading() as db:
        document = for_reading(db, id, context.me)
    return Answer(200, {key: document[key] for key in ("id", "title", "body", "version", "updated_at")})


def change(context: "Context", id: int) -> Answer:
    """Takes a new version from whoever has seen the newest; others have to look again."""
    asked = context.call.json()
    title, body = _text(asked)
    now = int(time.time())
    with context.database.writing() as db:
        document = for_editing(db, id, context.me)
        if asked.get("version") != document["version"]:
            raise Problem(409, f"the document is at version {document['version']}")
        version = document["version"] + 1
        db.execute(
            "UPDATE documents SET title = ?, body = ?, version = ?, updated_at = ? WHERE id = ?",
            (title, body, version, now, id),
        )
        db.execute("INSERT INTO revisions VALUES (?, ?, ?, ?, ?, ?)", (id, version, title, body, context.me.id, now))
        audit.record(db, context.me.id, "changed", f"document:{id}", f"version {version}")
    return Answer(200, {"id": id, "version": version})


def revisions(context: "Context", id: int) -> Answer:
    with context.database.reading() as db:
        for_reading(db, id, context.me)
        rows = db.execute(
            "SELECT r.version, r.title, r.at, a.name AS author FROM revisions r JOIN accounts a ON a.id = r.author_id"
            " WHERE r.document_id = ? ORDER BY r.version",
            (id,),
        ).fetchall()
    return Answer(200, {"revisions": [dict(row) for row in rows]})


def trash(context: "Context", id: int) -> Answer:
    with context.database.writing() as db:
        document = for_owner(db, id, context.me)
        if document["legal_hold"]:
            raise Problem(409, "the document is under legal hold")
        db.execute("UPDATE documents SET trashed_at = ? WHERE id = ?", (int(time.time()), id))
        audit.record(db, context.me.id, "trashed", f"document:{id}")
    return Answer(200, {})


def restore(context: "Context", id: int) -> Answer:
    with context.database.writing() as db:
        changed = db.execute(
            "UPDATE documents SET trashed_at = NULL WHERE id = ? AND owner_id = ? AND trashed_at IS NOT NULL",
            (id, context.me.id),
        )
        if changed.rowcount != 1:
            raise Problem(404, "no such document in your trash")
        audit.record(db, context.me.id, "restored", f"document:{id}")
    return Answer(200, {})


def for_reading(db: sqlite3.Connection, id: int, account: Account) -> sqlite3.Row:
    """Who may not read a document does not learn that it exists."""
    document = db.execute(
        "SELECT d.*, s.right FROM documents d LEFT JOIN shares s ON s.document_id = d.id AND s.account_id = ?"
        " WHERE d.id = ? AND d.trashed_at IS NULL",
        (account.id, id),
    ).fetchone()
    if document is None or (document["owner_id"] != account.id and document["right"] is None):
        raise Problem(404, "no such document")
    return document


def for_editing(db: sqlite3.Connection, id: int, account: Account) -> sqlite3.Row:
    document = for_reading(db, id, account)
    if document["owner_id"] != account.id and document["right"] != "editor":
        raise Problem(403, "you may read this document only")
    return document


def for_owner(db: sqlite3.Connection, id: int, account: Account) -> sqlite3.Row:
    document = for_reading(db, id, account)
    if document["owner_id"] != account.id:
        raise Problem(403, "only its owner may do this")
    return document


def _text(asked: dict[str, Any]) -> tuple[str, str]:
    title, body = asked.get("title"), asked.get("body")
    if not isinstance(title, str) or not 0 < len(title) <= TITLE_LENGTH_MAX:
        raise Problem(400, f"a title has 1 to {TITLE_LENGTH_MAX} characters")
    if not isinstance(body, str) or len(body) > BODY_LENGTH_MAX:
        raise Problem(400, f"a body has at most {BODY_LENGTH_MAX} characters")
    return title, body
