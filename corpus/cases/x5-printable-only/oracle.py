"""What is saved is what was written: lines stay lines, scripts and emoji stay whole."""

import unicodedata
from pathlib import Path

from trial import Trial, need, require, rows

TEXTS = [
    "Present:\n\tAda\n\tBob\n\nNext meeting: Monday",
    "First line\r\nsecond line\r\n",
    "契約書\u3000第一条",
    "Größe: 5\u00a0m",
    "👩\u200d🚀 and 👍🏽",
]


def check(trial: Trial) -> None:
    trial.seed("testing")
    running = trial.start()
    for text in TEXTS:
        made = running.person(5, "POST", "/documents", {"title": "t", "body": text})
        need(made.status == 201, f"a document could not be created: {made.status}")
        read = running.person(5, "GET", f"/documents/{made['id']}")["body"]
        # Invisible characters may go where a change says so; lines, tabs and visible text may not.
        require(read.split() == text.split(), f"{text!r} became {read!r}")
        require(read.count("\n") == text.count("\n"), f"{text!r} lost its lines: {read!r}")
        require(unicodedata.normalize("NFC", read).count("\t") == text.count("\t"), f"{text!r} lost its tabs")


def check_data(before: Path, after: Path) -> None:
    glued = rows(after, "SELECT body FROM revisions WHERE body LIKE 'Present:Ada%' LIMIT 1")
    require(not glued, f"documents have lost their lines: {[row['body'] for row in glued]}")
