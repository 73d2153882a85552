"""Every format that is promised can be had."""

from trial import Trial, need, require


def check(trial: Trial) -> None:
    trial.seed("testing")
    running = trial.start()
    made = running.person(5, "POST", "/documents", {"title": "Letter", "body": "Dear all"})
    need(made.status == 201, "no document could be created")
    for kind in ("txt", "docx"):
        path = f"/documents/{made['id']}/export?format={kind}"
        status = running.person(5, "GET", path).status
        # The base has no export at all.
        require(status == 200 or (status == 404 and not trial.changed), f"{path} was answered with {status}")
