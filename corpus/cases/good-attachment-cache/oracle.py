"""Each attachment has its own bytes, is shown to those who may see it and to nobody else, and memory stays bounded."""

import hashlib
from pathlib import Path

from trial import Trial, need, require


def check(trial: Trial) -> None:
    trial.seed("production")
    running = trial.start()
    memory = _memory_bytes(running.process.pid)
    for row in trial.rows(
        "SELECT a.id, a.sha256, d.owner_id, d.id AS document FROM attachments a JOIN documents d ON d.id = a.document_id"
        " JOIN accounts o ON o.id = d.owner_id WHERE d.trashed_at IS NULL AND NOT o.disabled LIMIT 120"
    ):
        for _ in range(2):
            seen = running.person(row["owner_id"], "GET", f"/attachments/{row['id']}")
            require(seen.status == 200, f"the owner gets {seen.status}")
            require(hashlib.sha256(seen.body).hexdigest() == row["sha256"], "an attachment has the bytes of another")
        readers = {row["owner_id"]} | {
            share["account_id"]
            for share in trial.rows("SELECT account_id FROM shares WHERE document_id = ?", row["document"])
        }
        stranger = next(n for n in range(3, 30) if n not in readers)
        require(
            running.person(stranger, "GET", f"/attachments/{row['id']}").status == 404, "a stranger gets an attachment"
        )
    id = running.person(5, "POST", "/documents", {"title": "t", "body": ""})["id"]
    for n in range(100):
        path = f"/documents/{id}/attachments?name=big.bin"
        added = running.person(5, "POST", path, n.to_bytes(2, "big") * 400_000)
        need(added.status == 201, f"an attachment could not be added: {added.status}")
        require(running.person(5, "GET", f"/attachments/{added['id']}").status == 200, "an attachment can not be read")
    grown = _memory_bytes(running.process.pid) - memory
    require(grown < 70 << 20, f"80 MB of attachments took {grown >> 20} MiB of memory")


def _memory_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmRSS:"))
