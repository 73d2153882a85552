"""What an order costs. All amounts are whole cents."""

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    sku: str
    quantity: int
    unit_cents: int


@dataclass(frozen=True)
class Price:
    subtotal_cents: int
    discount_cents: int

    @property
    def total_cents(self) -> int:
        return self.subtotal_cents - self.discount_cents


def price(lines: list[Line], percent: int) -> Price:
    """A discount is rounded down to whole cents, once for the order."""
    subtotal = sum(line.quantity * line.unit_cents for line in lines)
    return Price(subtotal, subtotal * percent // 100)


def redeem(db: sqlite3.Connection, code: str) -> int | None:
    """Uses a voucher once and returns its percentage; none when it is unknown or used up."""
    changed = db.execute("UPDATE vouchers SET uses_left = uses_left - 1 WHERE code = ? AND uses_left > 0", (code,))
    if changed.rowcount != 1:
        return None
    return db.execute("SELECT percent FROM vouchers WHERE code = ?", (code,)).fetchone()["percent"]
