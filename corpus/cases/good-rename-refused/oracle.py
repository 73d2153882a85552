"""Every answer is the base's, refusals included."""

from trial import Running, Trial, require

ASKED = [
    ("GET", "/products?page=0", None),
    ("GET", "/products/none", None),
    ("GET", "/orders", None),
    ("GET", "/orders/1", None),
    ("POST", "/orders", {"lines": []}),
    ("POST", "/orders", {"lines": [{"sku": "p1", "quantity": 100}]}),
    ("POST", "/orders", {"lines": [{"sku": "p7", "quantity": 1}], "voucher": "NONE"}),
    ("POST", "/orders", b"no json"),
    ("POST", "/orders/1/pay", {}),
    ("POST", "/orders/999999/pay", {"card": "card_ok"}),
    ("POST", "/refunds", {"order_id": 999999}),
    ("POST", "/refunds", {"order_id": "1"}),
    ("GET", "/reports/low-stock", None),
    ("GET", "/reports/revenue?from=x&to=y", None),
    ("DELETE", "/products/p1", None),
    ("GET", "/nothing", None),
]


def check(trial: Trial) -> None:
    trial.seed("testing")
    base, changed = trial.start(trial.base), trial.start()
    for method, path, body in ASKED:
        for who in ("nobody", "customer", "staff"):
            ours, theirs = (_ask(running, who, method, path, body) for running in (changed, base))
            require(ours == theirs, f"{method} {path} as {who}: {ours}, and the base {theirs}")
    for card, status in (("card_declined", 402), ("card_unavailable", 424), ("card_ok", 201), ("card_ok", 200)):
        order = changed.customer(7, "GET", "/orders")["orders"]
        if not order or order[0]["state"] != "reserved" and status != 200:
            changed.customer(7, "POST", "/orders", {"lines": [{"sku": "p7", "quantity": 1}]})
            order = changed.customer(7, "GET", "/orders")["orders"]
        seen = changed.customer(7, "POST", f"/orders/{order[0]['id']}/pay", {"card": card}).status
        require(seen == status, f"{card} was answered with {seen}")
    require("Traceback" not in changed.said(), f"it said: {changed.said()[-300:]}")


def _ask(running: Running, who: str, method: str, path: str, body: object) -> tuple[int, bytes]:
    ask = {"nobody": running.call, "staff": running.staff}.get(who)
    answer = running.customer(7, method, path, body) if ask is None else ask(method, path, body)
    return answer.status, answer.body
