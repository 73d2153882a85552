"""What belongs to one customer is not there for another."""

from trial import Trial, need, require


def check(trial: Trial) -> None:
    trial.seed("testing")
    running = trial.start()
    order = running.customer(7, "POST", "/orders", {"lines": [{"sku": "p7", "quantity": 1}]})["id"]
    need(
        running.customer(7, "POST", f"/orders/{order}/pay", {"card": "card_ok"}).status == 201, "the order was not paid"
    )
    for path in (f"/orders/{order}", f"/orders/{order}/invoice"):
        seen = running.customer(8, "GET", path)
        require(seen.status == 404, f"another customer gets {path} with {seen.status}: {seen.body[:120]!r}")
