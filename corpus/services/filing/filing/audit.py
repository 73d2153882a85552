"""The audit trail: who did what to which document or account. Rows are added and nothing else."""

import sqlite3
import time
from typing import TYPE_CHECKING

from filing.server import Answer, Problem

if TYPE_CHECKING:
    from filing.app import Context

PAGE = 100


def record(db: sqlite3.Connection, account_id: int | None, action: str, subject: str, detail: str = "") -> None:
    db.execute(
        "INSERT INTO audit_records (at, account_id, action, subject, detail) VALUES (?, ?, ?, ?, ?)",
        (int(time.time()), account_id, action, subject, detail),
    )


def records(context: "Context") -> Answer:
    after = context.call.query.get("after", "0")
    if not (after.isascii() and after.isdigit()):
        raise Problem(400, "`after` has to be the number of a record")
    with context.database.reading() as db:
        rows = db.execute("SELECT * FROM audit_records WHERE id > ? ORDER BY id LIMIT ?", (int(after), PAGE)).fetchall()
    return Answer(200, {"records": [dict(row) for row in rows]})
