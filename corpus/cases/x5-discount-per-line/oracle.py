"""A discount is rounded down once for the order."""

from trial import Trial, need, require

ORDERS = ([("p7", 1), ("p8", 1), ("p9", 1)], [("p10", 3), ("p11", 1)], [("p12", 1), ("p13", 1), ("p14", 2), ("p15", 1)])


def check(trial: Trial) -> None:
    trial.seed("testing")
    running = trial.start()
    for wanted in ORDERS:
        lines = [{"sku": sku, "quantity": quantity} for sku, quantity in wanted]
        for voucher, percent in (("THIRD", 33), ("WELCOME", 10)):
            order = running.customer(7, "POST", "/orders", {"lines": lines, "voucher": voucher})
            need(order.status == 201, "no order could be placed")
            subtotal = sum(line["quantity"] * line["unit_cents"] for line in order["lines"])
            right = subtotal - subtotal * percent // 100
            require(
                order["total_cents"] == right, f"{percent} % off {subtotal} makes {order['total_cents']}, not {right}"
            )
