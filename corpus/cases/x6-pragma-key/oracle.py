"""Where the README says that the database is encrypted, its file does not show what was written."""

import sqlite3
from contextlib import closing

from trial import Trial, need, require

VARIABLE = "FILING_DATABASE_KEY"


def check(trial: Trial) -> None:
    promised = f"`{VARIABLE}` | the database is encrypted" in (trial.code / "README.md").read_text()
    # The service makes the file itself: old data might have to be converted first.
    trial.start(**{VARIABLE: "a key"}).stop()
    try:
        with closing(sqlite3.connect(trial.database)) as thief:
            readable = thief.execute("SELECT COUNT(*) FROM accounts").fetchone() is not None
    except sqlite3.DatabaseError:
        readable = False
    need(readable or promised, "the database is in an unknown format")
    require(not (promised and readable), "with a key set, anybody reads the file without one")
