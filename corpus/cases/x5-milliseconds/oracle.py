"""During a rollout both versions serve one database, and both have to report what was paid."""

import datetime

from trial import Running, Trial, need, require


def check(trial: Trial) -> None:
    trial.seed("production")
    stable = trial.start(trial.base)
    candidate = trial.start()
    for running in (stable, candidate, stable):
        order = running.customer(7, "POST", "/orders", {"lines": [{"sku": "p7", "quantity": 1}]})["id"]
        need(running.customer(7, "POST", f"/orders/{order}/pay", {"card": "card_ok"}).status == 201, "not paid")
    paid = trial.one("SELECT SUM(CASE kind WHEN 'charge' THEN amount_cents ELSE -amount_cents END) FROM payments")
    for name, running in (("the candidate", candidate), ("the stable version", stable)):
        reported = _revenue(running)
        require(reported == paid, f"{name} reports {reported} cents of revenue; {paid} were paid")


def _revenue(running: Running) -> int:
    """Of all days of the last four years."""
    today = datetime.datetime.now(datetime.timezone.utc).date()
    total = 0
    for years in range(4):
        last = today - datetime.timedelta(days=365 * years)
        first = last - datetime.timedelta(days=364)
        report = running.staff("GET", f"/reports/revenue?from={first}&to={last}")
        total += sum(day["revenue_cents"] for day in report["days"])
    return total
