"""Products: list, search, one."""

from typing import Any

from storefront.server import Refused, Request, route

PAGE = 20


@route("GET", "/products")
def products(request: Request) -> tuple[int, Any]:
    page = request.number("page", 1, 1, 10_000)
    search = request.query.get("search", "").strip()
    pattern = "%" + search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    with request.database.read() as db:
        rows = db.execute(
            "SELECT p.sku, p.title, p.price_cents, s.available > 0 AS in_stock"
            " FROM products p JOIN stock s USING (sku)"
            " WHERE NOT p.retired AND p.title LIKE ? ESCAPE '\\'"
            " ORDER BY p.title, p.sku LIMIT ? OFFSET ?",
            (pattern, PAGE, (page - 1) * PAGE),
        ).fetchall()
    return 200, {"page": page, "products": [dict(row) for row in rows]}


@route("GET", "/products/{sku}")
def product(request: Request) -> tuple[int, Any]:
    with request.database.read() as db:
        row = db.execute(
            "SELECT p.sku, p.title, p.description, p.price_cents, p.retired, s.available"
            " FROM products p JOIN stock s USING (sku) WHERE p.sku = ?",
            (request.path["sku"],),
        ).fetchone()
    if row is None:
        raise Refused(404, "no such product")
    return 200, dict(row)
