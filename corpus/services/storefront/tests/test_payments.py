import http.server
import json
import threading
from dataclasses import replace

import pytest
from conftest import available

from storefront.provider import Declined, Provider, Unavailable


def pay(client, order, card="card_ok", customer="ada"):
    return client.post(f"/orders/{order['id']}/pay", {"card": card}, customer=customer)


def test_an_order_is_paid_once(client, database):
    _, order = client.order(mug=1)
    status, receipt = pay(client, order)
    assert (status, receipt["amount_cents"]) == (201, 1250)
    assert pay(client, order) == (200, receipt)
    with database.read() as db:
        assert db.execute("SELECT COUNT(*) FROM payments").fetchone()[0] == 1


def test_a_declined_card_leaves_the_order_open(client):
    _, order = client.order(mug=1)
    assert pay(client, order, "card_declined")[0] == 402
    assert pay(client, order, "card_unavailable")[0] == 424
    assert pay(client, order)[0] == 201


def test_a_cancelled_order_is_not_paid_and_a_paid_one_not_cancelled(client):
    _, order = client.order(mug=1)
    client.post(f"/orders/{order['id']}/cancel", customer="ada")
    assert pay(client, order)[0] == 409
    _, order = client.order(mug=1)
    pay(client, order)
    assert client.post(f"/orders/{order['id']}/cancel", customer="ada")[0] == 409


def test_nobody_pays_or_needs_no_card_for_an_order_of_another(client):
    _, order = client.order(mug=1)
    assert pay(client, order, customer="bob")[0] == 404
    assert pay(client, order, card="")[0] == 400


def test_a_refund_brings_money_and_stock_back_once(client, database):
    _, order = client.order(pot=1)
    assert client.post("/refunds", {"order_id": order["id"]}, staff=True)[0] == 409
    pay(client, order)
    assert available(database, "pot") == 2
    assert client.post("/refunds", {"order_id": order["id"]}, staff=True)[0] == 201
    assert client.post("/refunds", {"order_id": order["id"]}, staff=True)[0] == 200
    assert available(database, "pot") == 3


def test_refunds_are_for_staff(client):
    _, order = client.order(mug=1)
    pay(client, order)
    assert client.post("/refunds", {"order_id": order["id"]})[0] == 403
    assert client.post("/refunds", {"order_id": order["id"]}, customer="ada")[0] == 403
    assert client.post("/refunds", {"order_id": 99}, staff=True)[0] == 404
    assert client.post("/refunds", {"order_id": "1"}, staff=True)[0] == 400


@pytest.fixture
def provider(settings):
    """A provider that answers as its last path says, and remembers what it was asked."""
    asked = []

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append((self.path, body))
            status = {"card_declined": 402, "card_unavailable": 503}.get(body.get("card"), 200)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps({"id": "ch_1"}).encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Provider(replace(settings, provider_url=f"http://127.0.0.1:{server.server_port}")), asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_provider_is_asked_over_http(provider):
    ours, asked = provider
    assert ours.charge("order-7", "card_ok", 1250) == "ch_1"
    assert asked == [("/charges", {"reference": "order-7", "card": "card_ok", "amount_cents": 1250})]
    with pytest.raises(Declined):
        ours.charge("order-8", "card_declined", 1)
    with pytest.raises(Unavailable):
        ours.charge("order-9", "card_unavailable", 1)


def test_a_provider_that_is_not_there_is_unavailable(settings):
    with pytest.raises(Unavailable):
        Provider(replace(settings, provider_url="http://127.0.0.1:9")).refund("order-7", 1)
