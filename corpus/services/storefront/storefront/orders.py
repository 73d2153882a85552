"""Orders: place, look at, cancel, and let those expire that nobody paid."""

import sqlite3
import time
from typing import Any

from storefront import stock
from storefront.pricing import Line, price, redeem
from storefront.server import Refused, Request, route

LINES_MAX = 20
QUANTITY_MAX = 100
NOTE_LENGTH_MAX = 500
PAGE = 20


@route("POST", "/orders")
def place(request: Request) -> tuple[int, Any]:
    customer = request.identified()
    wanted = _wanted(request.body)
    note = request.body.get("note")
    if note is not None and (not isinstance(note, str) or len(note) > NOTE_LENGTH_MAX):
        raise Refused(400, f"a note has at most {NOTE_LENGTH_MAX} characters")
    voucher = request.body.get("voucher")
    if voucher is not None and not isinstance(voucher, str):
        raise Refused(400, "a voucher is a text")
    now = int(time.time())
    with request.database.write() as db:
        percent = 0
        if voucher is not None:
            percent = redeem(db, voucher)
            if percent is None:
                raise Refused(409, "the voucher is unknown or used up")
        lines = [Line(sku, quantity, _unit_cents(db, sku)) for sku, quantity in wanted.items()]
        priced = price(lines, percent)
        order_id = db.execute(
            "INSERT INTO orders (customer_id, state, subtotal_cents, discount_cents, total_cents, note, voucher_code,"
            " placed_at, expires_at) VALUES (?, 'reserved', ?, ?, ?, ?, ?, ?, ?)",
            (
                customer["id"],
                priced.subtotal_cents,
                priced.discount_cents,
                priced.total_cents,
                note,
                voucher,
                now,
                now + request.settings.reservation_seconds,
            ),
        ).lastrowid
        for line in lines:
            if not stock.take(db, line.sku, line.quantity, order_id):
                raise Refused(409, f"not enough of {line.sku}")
            db.execute(
                "INSERT INTO order_lines (order_id, sku, quantity, unit_cents) VALUES (?, ?, ?, ?)",
                (order_id, line.sku, line.quantity, line.unit_cents),
            )
        return 201, _shown(db, order_id)


@route("GET", "/orders")
def own(request: Request) -> tuple[int, Any]:
    customer = request.identified()
    page = request.number("page", 1, 1, 10_000)
    note = request.query.get("note")
    with request.database.read() as db:
        rows = db.execute(
            "SELECT id, state, total_cents, note, placed_at FROM orders"
            " WHERE customer_id = ? AND (? IS NULL OR note = ?) ORDER BY id DESC LIMIT ? OFFSET ?",
            (customer["id"], note, note, PAGE, (page - 1) * PAGE),
        ).fetchall()
    return 200, {"page": page, "orders": [dict(row) for row in rows]}


@route("GET", "/orders/{id}")
def one(request: Request) -> tuple[int, Any]:
    with request.database.read() as db:
        return 200, _shown(db, own_order(db, request)["id"])


@route("POST", "/orders/{id}/cancel")
def cancel(request: Request) -> tuple[int, Any]:
    with request.database.write() as db:
        order = own_order(db, request)
        if order["state"] != "reserved":
            raise Refused(409, f"the order is {order['state']}")
        _close(db, order["id"], "cancelled")
        return 200, _shown(db, order["id"])


def expire(db: sqlite3.Connection, now: int, most: int) -> int:
    """Gives back the stock of unpaid orders whose time is over; at most so many at once."""
    late = db.execute(
        "SELECT id FROM orders WHERE state = 'reserved' AND expires_at < ? ORDER BY expires_at LIMIT ?", (now, most)
    ).fetchall()
    for order in late:
        _close(db, order["id"], "expired")
    return len(late)


def own_order(db: sqlite3.Connection, request: Request) -> sqlite3.Row:
    """The order of the path, if it is the customer's own; somebody else's is not there for them."""
    customer = request.identified()
    number = request.path["id"]
    if number.isascii() and number.isdigit():
        order = db.execute(
            "SELECT * FROM orders WHERE id = ? AND customer_id = ?", (int(number), customer["id"])
        ).fetchone()
        if order is not None:
            return order
    raise Refused(404, "no such order")


def _close(db: sqlite3.Connection, order_id: int, state: str) -> None:
    db.execute("UPDATE orders SET state = ? WHERE id = ?", (state, order_id))
    stock.put_back(db, order_id, state)


def _wanted(body: dict[str, Any]) -> dict[str, int]:
    lines = body.get("lines")
    if not isinstance(lines, list) or not 0 < len(lines) <= LINES_MAX:
        raise Refused(400, f"an order has 1 to {LINES_MAX} lines")
    wanted: dict[str, int] = {}
    for line in lines:
        sku, quantity = (line.get("sku"), line.get("quantity")) if isinstance(line, dict) else (None, None)
        if not isinstance(sku, str) or type(quantity) is not int or not 0 < quantity <= QUANTITY_MAX:
            raise Refused(400, f"a line has a `sku` and a `quantity` from 1 to {QUANTITY_MAX}")
        wanted[sku] = wanted.get(sku, 0) + quantity
    return wanted


def _unit_cents(db: sqlite3.Connection, sku: str) -> int:
    row = db.execute("SELECT price_cents FROM products WHERE sku = ? AND NOT retired", (sku,)).fetchone()
    if row is None:
        raise Refused(404, f"no such product: {sku}")
    return row["price_cents"]


def _shown(db: sqlite3.Connection, order_id: int) -> dict[str, Any]:
    order = dict(db.execute("SELECT * FROM orders WHERE id = ?", (order_id,)).fetchone())
    del order["customer_id"]
    lines = db.execute("SELECT sku, quantity, unit_cents FROM order_lines WHERE order_id = ? ORDER BY sku", (order_id,))
    order["lines"] = [dict(line) for line in lines]
    return order
