"""Keeps what has to be kept and removes what may go: the trash after its days, sessions and links that are over,
files that no attachment has. Audit records and documents under legal hold stay."""

import sqlite3
import sys
import threading
import time
import traceback

from filing import audit
from filing.database import Database
from filing.settings import Settings

BATCH = 20
ORPHAN_SECONDS = 3600


class Keeper:
    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=5)

    def turn(self, now: int) -> None:
        with self._database.writing() as db:
            db.execute("DELETE FROM sessions WHERE expires_at <= ?", (now,))
            db.execute("DELETE FROM links WHERE expires_at <= ?", (now - 86_400,))
            for row in db.execute(
                "SELECT id FROM documents WHERE trashed_at <= ? AND NOT legal_hold LIMIT ?",
                (now - self._settings.trash_days * 86_400, BATCH),
            ).fetchall():
                purge(db, row["id"])
        self._remove_orphans(now)

    def _run(self) -> None:
        while not self._stopped.wait(self._settings.retention_interval_seconds):
            try:
                self.turn(int(time.time()))
            except Exception:
                print(f"retention: {traceback.format_exc()}", file=sys.stderr, flush=True)

    def _remove_orphans(self, now: int) -> None:
        folder = self._settings.attachments
        if not folder.is_dir():
            return
        old = [file for file in folder.iterdir() if file.stat().st_mtime < now - ORPHAN_SECONDS]
        for file in old:
            # Under the write lock nobody can attach the same bytes meanwhile.
            with self._database.writing() as db:
                used = db.execute("SELECT 1 FROM attachments WHERE sha256 = ? LIMIT 1", (file.name,)).fetchone()
                if used is None and file.stat().st_mtime < now - ORPHAN_SECONDS:
                    file.unlink()


def purge(db: sqlite3.Connection, document_id: int) -> None:
    """Removes a document with all that hangs on it; its audit records stay."""
    db.execute("DELETE FROM shares WHERE document_id = ?", (document_id,))
    db.execute("DELETE FROM links WHERE document_id = ?", (document_id,))
    db.execute("DELETE FROM attachments WHERE document_id = ?", (document_id,))
    db.execute("DELETE FROM revisions WHERE document_id = ?", (document_id,))
    db.execute("DELETE FROM documents WHERE id = ?", (document_id,))
    audit.record(db, None, "purged", f"document:{document_id}")
