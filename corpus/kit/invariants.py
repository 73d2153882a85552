"""What must be true of a service's data at any time, and what a walk through the stages must not have changed.

`before` is a copy of the database from before the release, `after` the one that production has now.
"""

from pathlib import Path

from trial import require, rows


def check(service: str, before: Path, after: Path) -> None:
    {"storefront": _storefront, "filing": _filing}[service](before, after)


def _storefront(before: Path, after: Path) -> None:
    _kept(before, after, "payments", "id, order_id, kind, amount_cents, reference, created_at")
    _kept(before, after, "stock_movements", "id, sku, change, reason, order_id, at")
    _kept(before, after, "customers", "id, name, token")
    _kept(before, after, "order_lines", "order_id, sku, quantity, unit_cents")
    _kept(before, after, "orders", "id, customer_id, subtotal_cents, discount_cents, total_cents, note, placed_at")
    wrong = rows(
        after,
        "SELECT s.sku, s.available, (SELECT SUM(change) FROM stock_movements m WHERE m.sku = s.sku) AS booked"
        " FROM stock s WHERE s.available IS NOT booked",
    )
    require(not wrong, f"{len(wrong)} shelves differ from the books, such as {_shown(wrong)}")
    wrong = rows(after, "SELECT sku, available FROM stock WHERE available < 0")
    require(not wrong, f"{len(wrong)} articles were sold that were not there, such as {_shown(wrong)}")
    wrong = rows(
        after,
        "SELECT o.id, o.subtotal_cents, o.discount_cents, o.total_cents, v.percent,"
        " (SELECT SUM(quantity * unit_cents) FROM order_lines l WHERE l.order_id = o.id) AS lines"
        " FROM orders o LEFT JOIN vouchers v ON v.code = o.voucher_code"
        " WHERE lines IS NOT o.subtotal_cents OR o.total_cents IS NOT o.subtotal_cents - o.discount_cents"
        " OR o.discount_cents IS NOT o.subtotal_cents * coalesce(v.percent, 0) / 100",
    )
    require(not wrong, f"{len(wrong)} orders have a wrong sum, such as {_shown(wrong)}")
    wrong = rows(
        after,
        "SELECT o.id, o.state, o.total_cents,"
        " (SELECT coalesce(SUM(amount_cents), 0) FROM payments p WHERE p.order_id = o.id AND kind = 'charge') AS charged"
        " FROM orders o WHERE charged IS NOT CASE WHEN o.state IN ('paid', 'refunded') THEN o.total_cents ELSE 0 END",
    )
    require(not wrong, f"{len(wrong)} orders were charged wrongly, such as {_shown(wrong)}")
    wrong = rows(
        after,
        "SELECT order_id, sku, SUM(change) AS kept FROM stock_movements WHERE order_id IS NOT NULL"
        " GROUP BY order_id, sku HAVING kept > 0",
    )
    require(not wrong, f"{len(wrong)} orders gave back more than they took, such as {_shown(wrong)}")


def _filing(before: Path, after: Path) -> None:
    _kept(before, after, "audit_records", "id, at, account_id, action, subject, detail")
    _kept(before, after, "revisions", "document_id, version, title, body, author_id, at")
    _kept(before, after, "documents", "id, owner_id")
    _kept(before, after, "accounts", "id, email, name, role, created_at")
    _kept(before, after, "attachments", "id, document_id, name, size, sha256")
    wrong = rows(
        after,
        "SELECT d.id, d.version, (SELECT MAX(version) FROM revisions r WHERE r.document_id = d.id) AS newest,"
        " (SELECT COUNT(*) FROM revisions r WHERE r.document_id = d.id) AS kept FROM documents d"
        " WHERE d.version IS NOT newest OR d.version IS NOT kept",
    )
    require(not wrong, f"{len(wrong)} documents do not have their revisions, such as {_shown(wrong)}")
    wrong = rows(
        after,
        "SELECT d.id, d.title, r.title AS revised FROM documents d JOIN revisions r"
        " ON r.document_id = d.id AND r.version = d.version WHERE r.body IS NOT d.body OR r.title IS NOT d.title",
    )
    require(not wrong, f"{len(wrong)} documents differ from their newest revision, such as {_shown(wrong)}")
    wrong = rows(
        after,
        "SELECT r.document_id, r.version, r.author_id FROM revisions r JOIN documents d ON d.id = r.document_id"
        " WHERE r.author_id != d.owner_id AND NOT EXISTS"
        " (SELECT 1 FROM shares s WHERE s.document_id = d.id AND s.account_id = r.author_id)",
    )
    require(not wrong, f"{len(wrong)} revisions are by people with no right to write them, such as {_shown(wrong)}")
    folder = after.with_suffix(".attachments")
    gone = [
        row["sha256"]
        for row in rows(after, "SELECT DISTINCT sha256 FROM attachments")
        if not (folder / row["sha256"]).is_file()
    ]
    require(not gone, f"{len(gone)} attachments have lost their bytes")


def _kept(before: Path, after: Path, table: str, columns: str) -> None:
    """Each row from before is there still, and says the same in these columns."""
    tables = {row["name"] for row in rows(after, "SELECT name FROM sqlite_schema WHERE type = 'table'")}
    require(table in tables, f"the table {table} is gone")
    old = {tuple(row) for row in rows(before, f"SELECT {columns} FROM {table}")}
    new = {tuple(row) for row in rows(after, f"SELECT {columns} FROM {table}")}
    require(old <= new, f"{len(old - new)} of {len(old)} rows of {table} are gone or were changed")


def _shown(wrong: list) -> str:
    return str(dict(wrong[0])) if wrong else "none"
