"""A service on a free port with a small shop in it, and a client that speaks to it over HTTP."""

import http.client
import json
import sys
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from storefront.database import Database  # noqa: E402
from storefront.server import Server  # noqa: E402
from storefront.settings import Settings  # noqa: E402

STAFF = "staff-of-the-tests"
PRODUCTS = [
    ("mug", "Mug, blue", 1250, 40),
    ("tea", "Tea, 100 g", 799, 200),
    ("pot", "Tea pot", 4999, 3),
    ("old", "Last year's calendar", 500, 7),
]


class Client:
    def __init__(self, port: int) -> None:
        self._port = port

    def call(self, method, path, body=None, customer=None, staff=False):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        headers = {"Content-Type": "application/json"}
        if customer is not None:
            headers["X-Customer"] = customer
        if staff:
            headers["Authorization"] = f"Bearer {STAFF}"
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def get(self, path, **who):
        return self.call("GET", path, **who)

    def post(self, path, body=None, **who):
        return self.call("POST", path, body or {}, **who)

    def order(self, customer="ada", voucher=None, **quantities):
        body = {"lines": [{"sku": sku, "quantity": quantity} for sku, quantity in quantities.items()]}
        if voucher is not None:
            body["voucher"] = voucher
        return self.post("/orders", body, customer=customer)


@pytest.fixture
def settings(tmp_path):
    return Settings(database=tmp_path / "shop.db", spool=tmp_path / "spool", port=0, staff_token=STAFF)


@pytest.fixture
def database(settings):
    database = Database(settings.database)
    database.migrate()
    with database.write() as db:
        for sku, title, price, available in PRODUCTS:
            db.execute(
                "INSERT INTO products (sku, title, price_cents, retired) VALUES (?, ?, ?, ?)",
                (sku, title, price, sku == "old"),
            )
            db.execute("INSERT INTO stock VALUES (?, ?)", (sku, available))
            db.execute(
                "INSERT INTO stock_movements (sku, change, reason, at) VALUES (?, ?, 'received', 0)", (sku, available)
            )
        db.execute("INSERT INTO customers (email, name, token) VALUES ('ada@example.org', 'Ada', 'ada')")
        db.execute("INSERT INTO customers (email, name, token) VALUES ('bob@example.org', 'Bob', 'bob')")
        db.execute("INSERT INTO vouchers VALUES ('SPRING', 15, 2)")
    return database


@pytest.fixture
def client(database, settings):
    server = Server(database, settings)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Client(server.server_port)
    server.shutdown()
    thread.join()
    server.server_close()


def available(database, sku):
    """What the shelf says, after checking it against the books."""
    with database.read() as db:
        shelf = db.execute("SELECT available FROM stock WHERE sku = ?", (sku,)).fetchone()[0]
        books = db.execute("SELECT SUM(change) FROM stock_movements WHERE sku = ?", (sku,)).fetchone()[0]
    assert shelf == books
    return shelf
