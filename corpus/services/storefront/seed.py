#!/usr/bin/env python3
"""Fills an empty database. `testing` is as tidy as people who write test data; `production` is as grown as real data:
old orders under old rules, odd names, prices of zero, products without supplier."""

import argparse
import random
import sqlite3
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from storefront.database import Database  # noqa: E402
from storefront.pricing import Line, price  # noqa: E402

DAY = 86_400
SCALES = {"testing": (40, 60, 80), "production": (400, 1_500, 4_000)}
NAMES = ["Ada", "Zoë", "Bjørn", "O'Neill", "Nguyễn", "李", "Null", "Müller-Lüdenscheidt", "D. ROP", "😀 Kim"]


def fill(path: Path, scale: str, seed: int) -> None:
    chance = random.Random(seed)
    products, customers, orders = SCALES[scale]
    grown = scale == "production"
    database = Database(path)
    database.migrate()
    now = int(time.time())
    with database.write() as db:
        for n in range(1, products + 1):
            cents = 0 if grown and n % 97 == 0 else chance.randrange(99, 30_000)
            supplier = None if grown and n % 11 == 0 else f"S-{n % 17:03}"
            retired = grown and n % 23 == 0
            db.execute(
                "INSERT INTO products (sku, title, description, price_cents, supplier_code, retired) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    f"p{n}",
                    f"Article {n} {chance.choice(['blue', 'red', 'oak', '100 % wool'])}",
                    "",
                    cents,
                    supplier,
                    retired,
                ),
            )
            received = 25 if n <= 5 else 50_000
            db.execute("INSERT INTO stock VALUES (?, ?)", (f"p{n}", received))
            db.execute(
                "INSERT INTO stock_movements (sku, change, reason, at) VALUES (?, ?, 'received', ?)",
                (f"p{n}", received, now - 900 * DAY),
            )
        for n in range(1, customers + 1):
            name = NAMES[n % len(NAMES)] if grown else f"Test Customer {n}"
            country = chance.choice(["DE", "FR", "AT", "PL"]) if grown else "DE"
            email = f"Customer.{n}@Example.org" if grown and n % 50 == 0 else f"customer{n}@example.org"
            db.execute(
                "INSERT INTO customers (email, name, country, token) VALUES (?, ?, ?, ?)",
                (email, name, country, f"customer-{n}"),
            )
        db.execute("INSERT INTO vouchers VALUES ('WELCOME', 10, 1000000)")
        db.execute("INSERT INTO vouchers VALUES ('THIRD', 33, 1000000)")
        db.execute("INSERT INTO vouchers VALUES ('FEW', 50, 20)")
        for n in range(1, orders + 1):
            _order(db, chance, now - (orders - n) * 700 * DAY // orders - DAY, customers, products, grown)


def _order(db: sqlite3.Connection, chance: random.Random, at: int, customers: int, products: int, grown: bool) -> None:
    skus = chance.sample(range(6, products + 1), chance.randrange(1, 4))
    lines = []
    for n in skus:
        cents = db.execute("SELECT price_cents FROM products WHERE sku = ?", (f"p{n}",)).fetchone()[0]
        # Prices have changed since: the order keeps what it was placed for.
        lines.append(Line(f"p{n}", chance.randrange(1, 5), cents + chance.randrange(0, 50) if grown else cents))
    percent = chance.choice([0, 0, 0, 10, 33]) if grown else 0
    priced = price(lines, percent)
    state = chance.choices(["paid", "cancelled", "expired", "refunded"], [80, 8, 8, 4])[0]
    order_id = db.execute(
        "INSERT INTO orders (customer_id, state, subtotal_cents, discount_cents, total_cents, note, voucher_code, placed_at,"
        " expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            chance.randrange(1, customers + 1),
            state,
            priced.subtotal_cents,
            priced.discount_cents,
            priced.total_cents,
            chance.choice([None, None, "Please ring twice", "für Oma ❤"]) if grown else None,
            {10: "WELCOME", 33: "THIRD"}.get(percent),
            at,
            at + 900,
        ),
    ).lastrowid
    for line in lines:
        db.execute(
            "INSERT INTO order_lines (order_id, sku, quantity, unit_cents) VALUES (?, ?, ?, ?)",
            (order_id, line.sku, line.quantity, line.unit_cents),
        )
        _move(db, line.sku, -line.quantity, "sold", order_id, at)
        back = {"cancelled": "cancelled", "expired": "expired", "refunded": "returned"}.get(state)
        if back is not None:
            _move(db, line.sku, line.quantity, back, order_id, at + 60)
    for kind in {"paid": ["charge"], "refunded": ["charge", "refund"]}.get(state, []):
        db.execute(
            "INSERT INTO payments (order_id, kind, amount_cents, reference, created_at) VALUES (?, ?, ?, ?, ?)",
            (order_id, kind, priced.total_cents, f"{kind[:2]}_order-{order_id}", at + 30),
        )


def _move(db: sqlite3.Connection, sku: str, change: int, reason: str, order_id: int, at: int) -> None:
    db.execute("UPDATE stock SET available = available + ? WHERE sku = ?", (change, sku))
    db.execute(
        "INSERT INTO stock_movements (sku, change, reason, order_id, at) VALUES (?, ?, ?, ?, ?)",
        (sku, change, reason, order_id, at),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database", type=Path)
    parser.add_argument("--scale", choices=SCALES, default="testing")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    fill(chosen.database, chosen.scale, chosen.seed)
