"""What the staff wants to know."""

import datetime
from typing import Any

from storefront.server import Refused, Request, route

DAYS_MAX = 366


@route("GET", "/reports/revenue", staff=True)
def revenue(request: Request) -> tuple[int, Any]:
    """Charges less refunds for each day (UTC), both ends included."""
    first, last = _day(request, "from"), _day(request, "to")
    if not 0 <= (last - first).days < DAYS_MAX:
        raise Refused(400, f"a report covers 1 to {DAYS_MAX} days")
    with request.database.read() as db:
        rows = db.execute(
            "SELECT date(created_at, 'unixepoch') AS day,"
            " SUM(CASE kind WHEN 'charge' THEN amount_cents ELSE -amount_cents END) AS revenue_cents"
            " FROM payments WHERE created_at >= ? AND created_at < ? GROUP BY day ORDER BY day",
            (_seconds(first), _seconds(last + datetime.timedelta(days=1))),
        ).fetchall()
    return 200, {"days": [dict(row) for row in rows]}


@route("GET", "/reports/low-stock", staff=True)
def low_stock(request: Request) -> tuple[int, Any]:
    least = request.number("below", 10, 1, 1_000)
    with request.database.read() as db:
        rows = db.execute(
            "SELECT s.sku, p.title, s.available FROM stock s JOIN products p USING (sku)"
            " WHERE s.available < ? AND NOT p.retired ORDER BY s.available, s.sku LIMIT 200",
            (least,),
        ).fetchall()
    return 200, {"products": [dict(row) for row in rows]}


@route("GET", "/reports/suppliers", staff=True)
def suppliers(request: Request) -> tuple[int, Any]:
    """Deprecated: purchasing has had its own system since June, and asks for this no longer. May go after 2026-10-01."""
    with request.database.read() as db:
        rows = db.execute(
            "SELECT supplier_code, COUNT(*) AS products FROM products WHERE supplier_code IS NOT NULL"
            " GROUP BY supplier_code ORDER BY supplier_code"
        ).fetchall()
    return 200, {"suppliers": [dict(row) for row in rows]}


def _day(request: Request, name: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(request.query.get(name, ""))
    except ValueError:
        raise Refused(400, f"`{name}` has to be a day such as 2026-11-28") from None


def _seconds(day: datetime.date) -> int:
    return int(datetime.datetime.combine(day, datetime.time(), datetime.timezone.utc).timestamp())
