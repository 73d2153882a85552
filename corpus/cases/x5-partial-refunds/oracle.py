"""However an order is refunded, no more comes back than was sold."""

from trial import Trial, need, require


def check(trial: Trial) -> None:
    trial.seed("testing")
    running = trial.start()
    before = trial.one("SELECT available FROM stock WHERE sku = 'p7'")
    order = running.customer(7, "POST", "/orders", {"lines": [{"sku": "p7", "quantity": 3}]})
    need(running.customer(7, "POST", f"/orders/{order['id']}/pay", {"card": "card_ok"}).status == 201, "not paid")
    for amount in (10, 20, None):
        body = {"order_id": order["id"]} | ({} if amount is None else {"amount_cents": amount})
        status = running.staff("POST", "/refunds", body).status
        need(status in (200, 201, 409), f"a refund was answered with {status}")
        back = trial.one(
            "SELECT coalesce(SUM(amount_cents), 0) FROM payments WHERE order_id = ? AND kind = 'refund'", order["id"]
        )
        require(back <= order["total_cents"], f"{back} of {order['total_cents']} cents came back")
        available = trial.one("SELECT available FROM stock WHERE sku = 'p7'")
        require(available <= before, f"3 pieces were sold, and {available - before + 3} came back to the shelf")
