import datetime
from dataclasses import replace

from conftest import available

from storefront.worker import Worker


def today():
    return datetime.datetime.now(datetime.timezone.utc).date().isoformat()


def test_received_goods_can_be_sold(client, database):
    assert client.post("/stock/pot/receive", {"quantity": 5}, staff=True) == (200, {"sku": "pot", "available": 8})
    assert available(database, "pot") == 8
    assert client.post("/stock/pot/receive", {"quantity": -5}, staff=True)[0] == 400
    assert client.post("/stock/none/receive", {"quantity": 5}, staff=True)[0] == 404
    assert client.post("/stock/pot/receive", {"quantity": 5}, customer="ada")[0] == 403


def test_revenue_is_charges_less_refunds(client):
    for refunded in (False, True):
        _, order = client.order(mug=1, tea=1)
        client.post(f"/orders/{order['id']}/pay", {"card": "card_ok"}, customer="ada")
        if refunded:
            client.post("/refunds", {"order_id": order["id"]}, staff=True)
    _, report = client.get(f"/reports/revenue?from={today()}&to={today()}", staff=True)
    assert report["days"] == [{"day": today(), "revenue_cents": 2049}]


def test_reports_are_for_staff_and_about_days(client):
    assert client.get(f"/reports/revenue?from={today()}&to={today()}")[0] == 403
    assert client.get("/reports/revenue?from=x&to=y", staff=True)[0] == 400
    assert client.get("/reports/revenue?from=2026-02-01&to=2026-01-01", staff=True)[0] == 400


def test_low_stock_lists_what_is_sold_still(client):
    _, report = client.get("/reports/low-stock?below=10", staff=True)
    assert [product["sku"] for product in report["products"]] == ["pot"]


def test_suppliers_are_counted_over_their_products(client, database):
    with database.write() as db:
        db.execute("UPDATE products SET supplier_code = 'S-1' WHERE sku IN ('mug', 'pot')")
    _, report = client.get("/reports/suppliers", staff=True)
    assert report["suppliers"] == [{"supplier_code": "S-1", "products": 2}]
    assert client.get("/reports/suppliers")[0] == 403


def test_the_worker_writes_each_receipt_and_lets_orders_expire(client, database, settings):
    _, paid = client.order(mug=1)
    client.post(f"/orders/{paid['id']}/pay", {"card": "card_ok"}, customer="ada")
    _, late = client.order(pot=1)
    worker = Worker(database, replace(settings, worker_interval_seconds=60))
    worker.turn(late["expires_at"] + 1)
    receipts = list(settings.spool.glob("receipt-*.txt"))
    assert [receipt.read_text() for receipt in receipts] == [
        f"To: ada@example.org\n\nDear Ada,\ncharge of 12.50 for order {paid['id']}.\n"
    ]
    worker.turn(late["expires_at"] + 2)
    assert available(database, "pot") == 3


def test_a_worker_ends_when_it_is_told_to(database, settings):
    worker = Worker(database, replace(settings, worker_interval_seconds=0.01))
    worker.start()
    worker.stop()


def test_no_staff_token_means_no_staff(client, database, settings):
    assert client.call("GET", "/reports/low-stock", staff=False)[0] == 403


def test_what_is_no_json_object_is_refused(client):
    assert client.call("POST", "/orders", body=["list"], customer="ada")[0] == 400
    assert client.get("/nothing")[0] == 404
    assert client.get("/healthz") == (200, {"status": "ok"})


def test_migrations_are_applied_once(database):
    database.migrate()
    with database.read() as db:
        names = [name for (name,) in db.execute("SELECT name FROM migrations ORDER BY name")]
    assert names[0] == "0001_initial.sql" and len(names) == len(set(names))
