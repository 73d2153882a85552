"""The SQLite file: a connection for each thread, transactions, migrations."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


class Database:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._of_thread = threading.local()
        # Writers of this process queue here: SQLite lets those who wait for its lock try again by chance, and starve.
        self._writing = threading.Lock()

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's own; it is closed when the thread has ended."""
        connection = getattr(self._of_thread, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self.path, timeout=5.0, isolation_level=None)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            self._of_thread.connection = connection
        return connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A snapshot: what is read in it belongs together."""
        connection = self.connection
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            connection.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Holds the write lock from the start, so that what was read stays true until the commit."""
        connection = self.connection
        with self._writing:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def migrate(self, folder: Path = MIGRATIONS) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.writing() as db:
            db.execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied_at INTEGER NOT NULL)")
            done = {row["name"] for row in db.execute("SELECT name FROM migrations")}
            for file in sorted(folder.glob("*.sql")):
                if file.name in done:
                    continue
                for statement in _statements(file.read_text()):
                    db.execute(statement)
                db.execute("INSERT INTO migrations VALUES (?, ?)", (file.name, int(time.time())))


def _statements(script: str) -> Iterator[str]:
    """Single statements: `executescript` would commit first."""
    text = ""
    for line in script.splitlines(keepends=True):
        text += line
        if sqlite3.complete_statement(text):
            yield text
            text = ""
    if text.strip():
        raise ValueError(f"a migration ends within a statement: {text.strip()[:80]}")
