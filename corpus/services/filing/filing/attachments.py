"""Attachments: rows in the database, bytes in files named by their SHA-256."""

import hashlib
import os
import re
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from filing import audit
from filing.documents import for_editing, for_reading
from filing.server import Answer, Problem

if TYPE_CHECKING:
    from filing.app import Context

NAME = re.compile(r"[\w][\w .()-]{0,99}\Z")
BYTES_MAX = 1024 * 1024


def add(context: "Context", id: int) -> Answer:
    name, content = context.call.query.get("name", ""), context.call.body
    if not NAME.match(name):
        raise Problem(400, "`name` has to be a plain file name")
    if not 0 < len(content) <= BYTES_MAX:
        raise Problem(400, f"an attachment has 1 to {BYTES_MAX} bytes")
    digest = hashlib.sha256(content).hexdigest()
    with context.database.writing() as db:
        for_editing(db, id, context.me)
        # The file first: a row never speaks of bytes that are not there.
        store(context.settings.attachments, digest, content)
        added = db.execute(
            "INSERT INTO attachments (document_id, name, size, sha256, added_at) VALUES (?, ?, ?, ?, ?)",
            (id, name, len(content), digest, int(time.time())),
        ).lastrowid
        audit.record(db, context.me.id, "attached", f"document:{id}", f"attachment:{added}")
    return Answer(201, {"id": added, "sha256": digest})


def every(context: "Context", id: int) -> Answer:
    with context.database.reading() as db:
        for_reading(db, id, context.me)
        rows = db.execute(
            "SELECT id, name, size, added_at FROM attachments WHERE document_id = ? ORDER BY id", (id,)
        ).fetchall()
    return Answer(200, {"attachments": [dict(row) for row in rows]})


def read(context: "Context", id: int) -> Answer:
    with context.database.reading() as db:
        row = db.execute("SELECT document_id, sha256 FROM attachments WHERE id = ?", (id,)).fetchone()
        if row is None:
            raise Problem(404, "no such attachment")
        for_reading(db, row["document_id"], context.me)
    content = (context.settings.attachments / row["sha256"]).read_bytes()
    return Answer(200, content=content, media="application/octet-stream")


def remove(context: "Context", id: int) -> Answer:
    with context.database.writing() as db:
        row = db.execute("SELECT document_id FROM attachments WHERE id = ?", (id,)).fetchone()
        if row is None:
            raise Problem(404, "no such attachment")
        for_editing(db, row["document_id"], context.me)
        # Its bytes stay until retention finds that nobody else has the same.
        db.execute("DELETE FROM attachments WHERE id = ?", (id,))
        audit.record(db, context.me.id, "detached", f"document:{row['document_id']}", f"attachment:{id}")
    return Answer(200, {})


def store(folder: Path, digest: str, content: bytes) -> None:
    """Whole or not at all, also when two store the same at once."""
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / digest).exists():
        # Retention looks at the age: as new, it is spared.
        os.utime(folder / digest)
        return
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".new-", delete=False) as file:
        file.write(content)
    os.replace(file.name, folder / digest)
