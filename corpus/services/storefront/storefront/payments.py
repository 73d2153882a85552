"""Payments and refunds, each taken once, and their receipts."""

import sqlite3
import time
from typing import Any

from storefront import stock
from storefront.orders import own_order
from storefront.provider import Declined, Unavailable
from storefront.server import Refused, Request, route


@route("POST", "/orders/{id}/pay")
def pay(request: Request) -> tuple[int, Any]:
    card = request.body.get("card")
    if not isinstance(card, str) or not card:
        raise Refused(400, "`card` has to be the provider's token of a card")
    # The provider is asked within the transaction: nobody else can pay, cancel or expire the order meanwhile.
    with request.database.write() as db:
        order = own_order(db, request)
        if order["state"] == "paid":
            return 200, _receipt(db, order["id"], "charge")
        if order["state"] != "reserved":
            raise Refused(409, f"the order is {order['state']}")
        try:
            reference = request.provider.charge(f"order-{order['id']}", card, order["total_cents"])
        except Declined:
            raise Refused(402, "the card was declined") from None
        except Unavailable:
            raise Refused(424, "the payment provider can not be reached; nothing was charged") from None
        db.execute("UPDATE orders SET state = 'paid' WHERE id = ?", (order["id"],))
        _record(db, order, "charge", reference)
        return 201, _receipt(db, order["id"], "charge")


@route("POST", "/refunds", staff=True)
def refund(request: Request) -> tuple[int, Any]:
    order_id = request.body.get("order_id")
    if type(order_id) is not int:
        raise Refused(400, "`order_id` has to be a number")
    with request.database.write() as db:
        order = db.execute("SELECT * FROM orders WHERE id = ?", (order_id,)).fetchone()
        if order is None:
            raise Refused(404, "no such order")
        if order["state"] == "refunded":
            return 200, _receipt(db, order_id, "refund")
        if order["state"] != "paid":
            raise Refused(409, f"the order is {order['state']}")
        try:
            reference = request.provider.refund(f"order-{order_id}", order["total_cents"])
        except (Declined, Unavailable):
            raise Refused(424, "the payment provider can not be reached; nothing was refunded") from None
        db.execute("UPDATE orders SET state = 'refunded' WHERE id = ?", (order_id,))
        stock.put_back(db, order_id, "returned")
        _record(db, order, "refund", reference)
        return 201, _receipt(db, order_id, "refund")


def _record(db: sqlite3.Connection, order: sqlite3.Row, kind: str, reference: str) -> None:
    now = int(time.time())
    db.execute(
        "INSERT INTO payments (order_id, kind, amount_cents, reference, created_at) VALUES (?, ?, ?, ?, ?)",
        (order["id"], kind, order["total_cents"], reference, now),
    )
    customer = db.execute("SELECT name, email FROM customers WHERE id = ?", (order["customer_id"],)).fetchone()
    whole, cents = divmod(order["total_cents"], 100)
    body = (
        f"To: {customer['email']}\n\nDear {customer['name']},\n{kind} of {whole}.{cents:02} for order {order['id']}.\n"
    )
    db.execute("INSERT INTO receipts (order_id, kind, body) VALUES (?, ?, ?)", (order["id"], kind, body))


def _receipt(db: sqlite3.Connection, order_id: int, kind: str) -> dict[str, Any]:
    row = db.execute(
        "SELECT order_id, kind, amount_cents, reference FROM payments WHERE order_id = ? AND kind = ? ORDER BY id LIMIT 1",
        (order_id, kind),
    ).fetchone()
    return dict(row)
