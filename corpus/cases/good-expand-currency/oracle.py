"""Old and new version place, show and pay orders on one database, and nothing that was there has changed."""

from trial import Trial, require


def check(trial: Trial) -> None:
    trial.seed("production")
    kept = "SELECT id, customer_id, state, subtotal_cents, discount_cents, total_cents, note, placed_at FROM orders"
    before = [tuple(row) for row in trial.rows(f"{kept} ORDER BY id")]
    stable = trial.start(trial.base)
    candidate = trial.start()
    for running, other in ((stable, candidate), (candidate, stable)):
        placed = running.customer(7, "POST", "/orders", {"lines": [{"sku": "p7", "quantity": 1}]})
        require(placed.status == 201, f"an order was answered with {placed.status}")
        seen = other.customer(7, "GET", f"/orders/{placed['id']}")
        require(seen.status == 200, f"the other version shows the order with {seen.status}")
        paid = other.customer(7, "POST", f"/orders/{placed['id']}/pay", {"card": "card_ok"})
        require(paid.status == 201, f"the other version takes the payment with {paid.status}")
        require(
            not trial.changed or candidate.customer(7, "GET", "/orders")["orders"][0]["currency"] == "EUR",
            "no currency",
        )
    after = [tuple(row) for row in trial.rows(f"{kept} ORDER BY id LIMIT ?", len(before))]
    require(before == after, "orders from before the migration have changed")
