"""While the provider is unavailable the customer is told so within seconds, and others can still order."""

from trial import Trial, need, require, together


def check(trial: Trial) -> None:
    trial.seed("testing")
    running = trial.start()
    order = running.customer(7, "POST", "/orders", {"lines": [{"sku": "p7", "quantity": 1}]})
    need(order.status == 201, "no order could be placed")

    def customer(n: int) -> int:
        if n == 0:
            path = f"/orders/{order['id']}/pay"
            return running.customer(7, "POST", path, {"card": "card_unavailable"}, seconds=12).status
        return running.customer(8, "POST", "/orders", {"lines": [{"sku": "p8", "quantity": 1}]}, seconds=12).status

    paid, ordered = together(2, customer)
    require(paid == 424, f"a payment with the provider away was answered with {paid!r}")
    require(ordered == 201, f"meanwhile an order of somebody else was answered with {ordered!r}")
