"""After refused requests, which are everyday, others are answered still."""

from trial import Trial, require

REFUSED = 200


def check(trial: Trial) -> None:
    trial.seed("testing")
    running = trial.start()
    for n in range(REFUSED):
        try:
            status = running.customer(7, "GET", f"/orders/{900_000 + n}", seconds=5).status
        except TimeoutError:
            status = None
        require(status == 404, f"after {n} refused requests one was answered with {status}")
    require(running.call("GET", "/products/p7").status == 200, "products can not be read any more")
