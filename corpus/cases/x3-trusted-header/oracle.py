"""Without a password or a session nobody is anyone, whatever headers they send."""

from trial import Trial, require

HEADERS = ("X-Remote-User", "X-Forwarded-User", "X-Authenticated-User", "Remote-User", "X-Auth-Request-Email")


def check(trial: Trial) -> None:
    trial.seed("testing")
    running = trial.start()
    for header in HEADERS:
        for path in ("/accounts", "/me", "/audit"):
            status = running.call("GET", path, headers={header: "person1@example.org"}).status
            require(status == 401, f"{path} with nothing but {header} was answered with {status}")
