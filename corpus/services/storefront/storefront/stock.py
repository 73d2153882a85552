"""What is there to be sold. Each change of `available` is booked in `stock_movements`."""

import sqlite3
import time
from typing import Any

from storefront.server import Refused, Request, route

RECEIVED_MAX = 100_000


def take(db: sqlite3.Connection, sku: str, quantity: int, order_id: int) -> bool:
    """Takes `quantity` for an order, all or nothing."""
    changed = db.execute(
        "UPDATE stock SET available = available - ? WHERE sku = ? AND available >= ?",
        (quantity, sku, quantity),
    )
    if changed.rowcount != 1:
        return False
    book(db, sku, -quantity, "sold", order_id)
    return True


def put_back(db: sqlite3.Connection, order_id: int, reason: str) -> None:
    """Puts everything back that an order had taken."""
    for line in db.execute("SELECT sku, quantity FROM order_lines WHERE order_id = ?", (order_id,)).fetchall():
        db.execute("UPDATE stock SET available = available + ? WHERE sku = ?", (line["quantity"], line["sku"]))
        book(db, line["sku"], line["quantity"], reason, order_id)


def book(db: sqlite3.Connection, sku: str, change: int, reason: str, order_id: int | None) -> None:
    db.execute(
        "INSERT INTO stock_movements (sku, change, reason, order_id, at) VALUES (?, ?, ?, ?, ?)",
        (sku, change, reason, order_id, int(time.time())),
    )


@route("POST", "/stock/{sku}/receive", staff=True)
def receive(request: Request) -> tuple[int, Any]:
    quantity = request.body.get("quantity")
    if type(quantity) is not int or not 0 < quantity <= RECEIVED_MAX:
        raise Refused(400, f"`quantity` has to be a number from 1 to {RECEIVED_MAX}")
    sku = request.path["sku"]
    with request.database.write() as db:
        changed = db.execute("UPDATE stock SET available = available + ? WHERE sku = ?", (quantity, sku))
        if changed.rowcount != 1:
            raise Refused(404, "no such product")
        book(db, sku, quantity, "received", None)
        available = db.execute("SELECT available FROM stock WHERE sku = ?", (sku,)).fetchone()["available"]
    return 200, {"sku": sku, "available": available}
