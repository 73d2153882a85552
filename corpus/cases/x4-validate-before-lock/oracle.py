"""However many order at once, no more is sold than was there, and the shelf agrees with the books."""

from trial import Trial, need, require, together

ROUNDS = 6
CUSTOMERS = 20


def check(trial: Trial) -> None:
    trial.seed("testing")
    running = trial.start()
    for n in range(ROUNDS):
        sku = f"p{10 + n}"
        before = trial.one("SELECT available FROM stock WHERE sku = ?", sku)
        order = {"lines": [{"sku": sku, "quantity": 1}]}
        answers = together(CUSTOMERS, lambda m, order=order: running.customer(m + 1, "POST", "/orders", order).status)
        sold = answers.count(201)
        need(sold > 0, f"nobody could order: {answers}")
        left = trial.one("SELECT available FROM stock WHERE sku = ?", sku)
        booked = trial.one("SELECT SUM(change) FROM stock_movements WHERE sku = ?", sku)
        require(left == before - sold, f"{sold} of {before} were sold, and the shelf says {left}")
        require(left == booked, f"the shelf says {left}, the books {booked}")
