"""A receipt that the mailer has not taken yet survives a restart; `receipts.written_at` says that it was written."""

from pathlib import Path

from trial import Trial, need, require, rows, until


def check(trial: Trial) -> None:
    trial.seed("testing")
    running = trial.start()
    order = running.customer(7, "POST", "/orders", {"lines": [{"sku": "p7", "quantity": 1}]})["id"]
    need(
        running.customer(7, "POST", f"/orders/{order}/pay", {"card": "card_ok"}).status == 201, "the order was not paid"
    )
    need(until(lambda: list(trial.spool.glob("receipt-*")), 10), "no receipt was written")
    # The row is marked after the file.
    need(until(lambda: trial.one("SELECT written_at FROM receipts") is not None, 10), "the receipt was not marked")
    written = {file.name for file in trial.spool.glob("receipt-*")}
    running.stop()
    again = trial.start()
    until(lambda: False, 3)
    again.stop()
    left = {file.name for file in trial.spool.glob("receipt-*")}
    require(written <= left, f"{len(written - left)} unsent receipts are gone after a restart, and marked as written")


def check_data(before: Path, after: Path) -> None:
    """No mailer takes receipts during a walk, so each that was marked is there."""
    spool = after.with_suffix(".spool")
    marked = rows(after, "SELECT id FROM receipts WHERE written_at IS NOT NULL")
    gone = [row["id"] for row in marked if not (spool / f"receipt-{row['id']}.txt").is_file()]
    require(not gone, f"{len(gone)} of {len(marked)} receipts are gone that nobody has sent")
