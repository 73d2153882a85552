"""Connections, transactions and migrations of the SQLite file."""

import queue
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
IDLE_MAX = 16
BUSY_SECONDS = 5.0


class Database:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue(IDLE_MAX)
        # Writers of this process queue here: SQLite lets those who wait for its lock try again by chance, and starve.
        self._writing = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A snapshot: all that is read in it belongs together."""
        with self._connection() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.rollback()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction that holds the write lock from its start, so that what it has read stays true."""
        with self._writing, self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def migrate(self, folder: Path = MIGRATIONS) -> None:
        """Applies the files that this database has not seen, in the order of their names."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.write() as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied_at INTEGER NOT NULL)"
            )
            applied = {name for (name,) in connection.execute("SELECT name FROM migrations")}
            for file in sorted(folder.glob("*.sql")):
                if file.name not in applied:
                    for statement in _statements(file.read_text()):
                        connection.execute(statement)
                    connection.execute("INSERT INTO migrations VALUES (?, ?)", (file.name, int(time.time())))

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = self._open()
        try:
            yield connection
        finally:
            try:
                self._idle.put_nowait(connection)
            except queue.Full:
                connection.close()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection


def _statements(script: str) -> Iterator[str]:
    """Single statements: `executescript` would commit the transaction that we are in."""
    text = ""
    for line in script.splitlines(keepends=True):
        text += line
        if sqlite3.complete_statement(text):
            yield text
            text = ""
    if text.strip():
        raise ValueError(f"a migration ends within a statement: {text.strip()[:80]}")
