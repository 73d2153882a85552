"""Rows that hang on documents are all there after the migration."""

from trial import Trial, require

TABLES = ("documents", "revisions", "shares", "attachments", "audit_records")


def check(trial: Trial) -> None:
    trial.seed("production")
    before = {table: trial.one(f"SELECT COUNT(*) FROM {table}") for table in TABLES}
    running = trial.start()
    # Shared since the seed, the document must still open for its reader.
    document, reader = tuple(
        trial.rows("SELECT id, owner_id FROM documents WHERE trashed_at IS NULL AND owner_id > 2 ORDER BY id LIMIT 1")[
            0
        ]
    )
    opened = running.person(reader, "GET", f"/documents/{document}/revisions")
    running.stop()
    for table, count in before.items():
        left = trial.one(f"SELECT COUNT(*) FROM {table}")
        require(left >= count, f"{count - left} of {count} rows of {table} are gone")
    require(opened.status == 200 and opened["revisions"], "a document has lost its revisions")
