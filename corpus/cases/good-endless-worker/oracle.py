"""The worker rests when there is nothing to do, writes receipts, and ends with the service."""

import time

from trial import Trial, need, require, until


def check(trial: Trial) -> None:
    trial.seed("testing")
    running = trial.start()
    before = running.cpu_seconds()
    time.sleep(4)
    spent = running.cpu_seconds() - before
    require(spent < 0.8, f"in four seconds without requests it spent {spent:.2f} s of processor time")
    for n in range(20):
        order = running.customer(7 + n, "POST", "/orders", {"lines": [{"sku": "p7", "quantity": 1}]})["id"]
        paid = running.customer(7 + n, "POST", f"/orders/{order}/pay", {"card": "card_ok"}).status
        need(paid == 201, f"a payment was answered with {paid}")
    require(until(lambda: len(list(trial.spool.glob("receipt-*"))) == 20, 10), "not all receipts were written")
    began = time.monotonic()
    running.stop()
    require(time.monotonic() - began < 4, "it does not end when it is told to")
    require(running.process.returncode == 0, f"it ended with {running.process.returncode}")
