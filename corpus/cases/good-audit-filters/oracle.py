"""Filters find what they say, and no value gets out of its place."""

from urllib.parse import quote

from trial import Trial, require

ATTACKS = (
    "' OR '1'='1",
    "x' UNION SELECT token_hash,1,1,1,1,1 FROM sessions --",
    "1; DROP TABLE audit_records",
    '" OR 1=1 --',
    "1 OR 1=1",
)


def check(trial: Trial) -> None:
    trial.seed("production")
    total = trial.one("SELECT COUNT(*) FROM audit_records")
    running = trial.start()
    for name in ("action", "subject", "account", "from", "to", "after"):
        for attack in ATTACKS:
            answer = running.person(2, "GET", f"/audit?{name}={quote(attack)}")
            require(answer.status in (200, 400), f"{name}={attack} was answered with {answer.status}")
            if trial.changed and answer.status == 200:
                require(answer["records"] == [], f"{name}={attack} finds {len(answer['records'])} records")
    require(running.person(5, "GET", "/audit?action=created").status == 403, "members read the audit trail")
    require(trial.one("SELECT COUNT(*) FROM audit_records") >= total, "audit records are gone")
    if trial.changed:
        seen = running.person(2, "GET", "/audit?subject=document:77")["records"]
        require([record["subject"] for record in seen] == ["document:77"], "the filter finds the wrong records")
