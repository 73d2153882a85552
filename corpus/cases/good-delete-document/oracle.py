"""Only the owner deletes, only from the trash, never under legal hold, and the audit trail remembers."""

from trial import Trial, need, require


def check(trial: Trial) -> None:
    trial.seed("testing")
    running = trial.start()

    def document(trashed: bool) -> int:
        id = running.person(5, "POST", "/documents", {"title": "t", "body": "b"})["id"]
        running.person(5, "POST", f"/documents/{id}/shares", {"email": "person6@example.org", "right": "editor"})
        if trashed:
            need(running.person(5, "POST", f"/documents/{id}/trash").status == 200, "not trashed")
        return id

    alive, trashed, held = document(False), document(True), document(True)
    trial.execute("UPDATE documents SET legal_hold = 1 WHERE id = ?", held)
    audited = trial.one("SELECT COUNT(*) FROM audit_records")
    others = trial.one("SELECT COUNT(*) FROM documents WHERE id NOT IN (?, ?, ?)", alive, trashed, held)
    for who in (1, 2, 6, 7, "no-session"):
        for id in (alive, trashed, held):
            status = running.person(who, "DELETE", f"/documents/{id}").status
            require(status in (401, 403, 404), f"{who} deletes the document of another: {status}")
    for id in (alive, held):
        require(running.person(5, "DELETE", f"/documents/{id}").status in (404, 409), "what must stay was deleted")
    gone = running.person(5, "DELETE", f"/documents/{trashed}").status
    require(gone == (200 if trial.changed else 404), f"the owner's deletion was answered with {gone}")
    left = {row["id"] for row in trial.rows("SELECT id FROM documents")}
    require({alive, held} <= left, "what must stay is gone")
    require((trashed in left) != trial.changed, "what was deleted is there still")
    require(trial.one("SELECT COUNT(*) FROM audit_records") >= audited, "audit records are gone")
    require(
        trial.one("SELECT COUNT(*) FROM documents WHERE id NOT IN (?, ?, ?)", alive, trashed, held) == others,
        "other documents are gone",
    )
