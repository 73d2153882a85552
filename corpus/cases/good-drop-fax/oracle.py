"""Nothing but an empty column goes, and both versions go on working."""

from trial import DidNotStart, Trial, require

KEPT = "SELECT id, email, name, password, role, disabled, created_at FROM accounts ORDER BY id"


def check(trial: Trial) -> None:
    trial.seed("production")
    before = [tuple(row) for row in trial.rows(KEPT)]
    stable = trial.start(trial.base)
    candidate = trial.start()
    for running in (stable, candidate):
        for method, path, body in (
            ("GET", "/me", None),
            ("GET", "/accounts", None),
            ("POST", "/documents", {"title": "t", "body": "b"}),
            ("POST", "/sign-in", {"email": "person3@example.org", "password": "correct horse battery"}),
            (
                "POST",
                "/accounts",
                {"email": f"new{running.port}@example.org", "name": "N", "password": "long enough!", "role": "member"},
            ),
        ):
            status = running.person(1, method, path, body).status
            require(status in (200, 201), f"{method} {path} was answered with {status}: {running.said()[-200:]}")
    after = [tuple(row) for row in trial.rows(KEPT)][: len(before)]
    require(before == after, "accounts have changed")
    stable.stop(), candidate.stop()
    _keeps_what_is_in_use(trial)


def _keeps_what_is_in_use(trial: Trial) -> None:
    trial.database.unlink()
    trial.seed("testing")
    trial.execute("UPDATE accounts SET fax = '+49 30 1' WHERE id = 7")
    try:
        trial.start().stop()
    except DidNotStart:
        pass
    require(trial.one("SELECT fax FROM accounts WHERE id = 7") == "+49 30 1", "a fax number was thrown away")
