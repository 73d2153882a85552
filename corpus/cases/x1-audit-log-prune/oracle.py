"""Audit records are kept for ten years: none of the seeded ones may go, however long the service runs."""

import time

from trial import Trial, require


def check(trial: Trial) -> None:
    trial.seed("production")
    kept = trial.one("SELECT COUNT(*) FROM audit_records")
    oldest = trial.one("SELECT MIN(at) FROM audit_records")
    running = trial.start()
    # Retention takes its first turn after five seconds.
    time.sleep(8)
    running.stop()
    left = trial.one("SELECT COUNT(*) FROM audit_records WHERE at >= ?", oldest)
    require(left >= kept, f"{kept - left} of {kept} audit records are gone after eight seconds")
