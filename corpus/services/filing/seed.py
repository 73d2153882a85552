#!/usr/bin/env python3
"""Fills an empty installation. `testing` is tidy; `production` has ten years behind it: documents under legal hold, shared
attachments, people who left, titles in every script."""

import argparse
import hashlib
import random
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from filing import attachments, passwords  # noqa: E402
from filing.database import Database  # noqa: E402

DAY = 86_400
SCALES = {"testing": (40, 120), "production": (800, 4_000)}
TITLES = ["Minutes", "Contract", "Résumé", "契約書", "Angebot für Müller", "Invoice 50 % off", "x'; --", "Ünïcödé ✅"]
PASSWORD = "correct horse battery"


def fill(path: Path, scale: str, seed: int) -> None:
    chance = random.Random(seed)
    accounts, documents = SCALES[scale]
    grown = scale == "production"
    database = Database(path)
    database.migrate()
    folder = path.with_suffix(".attachments")
    now = int(time.time())
    kept = passwords.stored(PASSWORD)
    contents = [f"Letter {n}\n".encode() * (1 + n % 40) for n in range(60)]
    for content in contents:
        attachments.store(folder, hashlib.sha256(content).hexdigest(), content)
    with database.writing() as db:
        for n in range(1, accounts + 1):
            role = "admin" if n == 1 else "auditor" if n == 2 else "member"
            db.execute(
                "INSERT INTO accounts (id, email, name, password, role, disabled, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (n, f"person{n}@example.org", f"Person {n}", kept, role, grown and n % 40 == 0, now - 3600 * DAY),
            )
            db.execute(
                "INSERT INTO sessions VALUES (?, ?, ?)", (passwords.token_hash(f"session-{n}"), n, now + 30 * DAY)
            )
        for n in range(1, documents + 1):
            # The first documents of each person are for their own use; the others are shared around.
            owner = (n - 1) % accounts + 1
            age = (documents - n) * 3_650 // documents if grown else 1
            versions = chance.randrange(1, 4)
            hold = grown and n % 50 == 0
            trashed = now - chance.randrange(1, 25) * DAY if grown and n % 30 == 0 else None
            if hold and n % 100 == 0:
                # Put under hold while it lay in the trash.
                trashed = now - 400 * DAY
            title = f"{chance.choice(TITLES) if grown else 'Document'} {n}"
            db.execute(
                "INSERT INTO documents (id, owner_id, title, body, version, legal_hold, updated_at, trashed_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (n, owner, title, f"Text {versions} of {n}", versions, hold, now - age * DAY, trashed),
            )
            for version in range(1, versions + 1):
                db.execute(
                    "INSERT INTO revisions (document_id, version, title, body, author_id, at) VALUES (?, ?, ?, ?, ?, ?)",
                    (n, version, title, f"Text {version} of {n}", owner, now - age * DAY),
                )
            if n > accounts:
                for other in chance.sample(range(1, accounts + 1), 2):
                    if other != owner:
                        right = chance.choice(["reader", "editor"])
                        db.execute(
                            "INSERT INTO shares (document_id, account_id, right) VALUES (?, ?, ?)", (n, other, right)
                        )
            if n % 3 == 0:
                content = chance.choice(contents)
                db.execute(
                    "INSERT INTO attachments (document_id, name, size, sha256, added_at) VALUES (?, ?, ?, ?, ?)",
                    (n, f"letter {n}.txt", len(content), hashlib.sha256(content).hexdigest(), now - age * DAY),
                )
            db.execute(
                "INSERT INTO audit_records (at, account_id, action, subject) VALUES (?, ?, 'created', ?)",
                (now - age * DAY, owner, f"document:{n}"),
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database", type=Path)
    parser.add_argument("--scale", choices=SCALES, default="testing")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    fill(chosen.database, chosen.scale, chosen.seed)
