"""After a free order the worker goes on: unpaid orders expire, later receipts are written, the processor rests."""

from trial import Trial, need, require, until


def check(trial: Trial) -> None:
    trial.seed("production")
    running = trial.start(STOREFRONT_RESERVATION_SECONDS="1")

    def buy(sku: str) -> None:
        order = running.customer(7, "POST", "/orders", {"lines": [{"sku": sku, "quantity": 1}]})
        need(order.status == 201, f"{sku} could not be ordered: {order.body!r}")
        need(running.customer(7, "POST", f"/orders/{order['id']}/pay", {"card": "card_ok"}).status == 201, "not paid")

    buy("p97")
    until(lambda: False, 3)
    left = running.customer(8, "POST", "/orders", {"lines": [{"sku": "p7", "quantity": 1}]})["id"]
    before = running.cpu_seconds()
    expired = until(lambda: trial.one("SELECT state FROM orders WHERE id = ?", left) == "expired", 8)
    until(lambda: False, 2)
    spent = running.cpu_seconds() - before
    require(expired, f"the worker does nothing else any more and spent {spent:.1f} s of processor time")
    buy("p8")
    wrote = until(lambda: any("order" in file.read_text() and file.stat().st_size for file in trial.spool.glob("*")), 8)
    require(wrote, "later receipts are not written")
