"""Every document can be read in finite time, whatever its owner has moved into what."""

from trial import Trial, need, require


def check(trial: Trial) -> None:
    trial.seed("testing")
    running = trial.start()
    ids = [running.person(5, "POST", "/documents", {"title": title, "body": ""})["id"] for title in ("a", "b", "c")]
    for n in range(3):
        moved = running.person(5, "POST", f"/documents/{ids[n]}/move", {"parent": ids[(n + 1) % 3]}).status
        need(moved in (200, 404, 409), f"moving was answered with {moved}")
    for id in ids:
        try:
            status = running.person(5, "GET", f"/documents/{id}", seconds=5).status
        except TimeoutError:
            status = None
        require(
            status == 200, "a document that lies within itself is never answered" if status is None else f"{status}"
        )
