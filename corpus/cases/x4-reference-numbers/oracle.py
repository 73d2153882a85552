"""A reference number stands for one document."""

from pathlib import Path

from trial import Trial, need, require, rows, together

ROUNDS = 40
EQUAL = "SELECT owner_id, number, COUNT(*) AS documents FROM documents GROUP BY owner_id, number HAVING COUNT(*) > 1 LIMIT 5"


def check(trial: Trial) -> None:
    trial.seed("testing")
    running = trial.start()
    for _ in range(ROUNDS):
        body = {"title": "Scan", "body": "page"}
        answers = together(12, lambda _, body=body: running.person(5, "POST", "/documents", body).status)
        need(answers.count(201) == 12, f"documents could not be created: {answers}")
        _unique(trial.database)


def check_data(before: Path, after: Path) -> None:
    _unique(after)


def _unique(database: Path) -> None:
    if any(column["name"] == "number" for column in rows(database, "PRAGMA table_info(documents)")):
        equal = rows(database, EQUAL)
        require(not equal, f"several documents have one reference: {[dict(row) for row in equal]}")
