"""Each period that is offered is answered, and adds up to the same revenue."""

import datetime

from trial import Trial, require


def check(trial: Trial) -> None:
    trial.seed("production")
    running = trial.start()
    last = datetime.datetime.now(datetime.timezone.utc).date()
    first = last - datetime.timedelta(days=300)
    totals = set()
    for by in ("day", "week", "month"):
        answer = running.staff("GET", f"/reports/revenue?from={first}&to={last}&by={by}")
        require(answer.status == 200, f"revenue by {by} was answered with {answer.status}: {running.said()[-120:]}")
        totals.add(sum(row["revenue_cents"] for row in answer["days"]))
    require(len(totals) == 1, f"the periods add up to different revenues: {sorted(totals)}")
