from conftest import available

from storefront.orders import expire


def test_an_order_takes_its_stock_and_knows_its_price(client, database):
    status, order = client.order(mug=2, tea=3)
    assert status == 201
    assert order["state"] == "reserved"
    assert order["total_cents"] == 2 * 1250 + 3 * 799
    assert available(database, "mug") == 38
    assert available(database, "tea") == 197


def test_lines_of_one_product_are_added_up(client, database):
    lines = [{"sku": "mug", "quantity": 1}, {"sku": "mug", "quantity": 2}]
    _, order = client.post("/orders", {"lines": lines}, customer="ada")
    assert [line["quantity"] for line in order["lines"]] == [3]
    assert available(database, "mug") == 37


def test_what_is_not_there_is_not_sold_and_nothing_is_kept(client, database):
    assert client.order(mug=1, pot=4)[0] == 409
    assert available(database, "mug") == 40
    assert client.get("/orders", customer="ada")[1]["orders"] == []


def test_a_voucher_is_used_once_for_each_order_and_rounded_down(client):
    _, order = client.order(tea=1, voucher="SPRING")
    assert order["discount_cents"] == 119
    assert order["total_cents"] == 680
    assert client.order(tea=1, voucher="SPRING")[0] == 201
    assert client.order(tea=1, voucher="SPRING")[0] == 409


def test_a_refused_order_gives_its_voucher_back(client):
    for _ in range(3):
        assert client.order(pot=9, voucher="SPRING")[0] == 409
    assert client.order(tea=1, voucher="SPRING")[0] == 201


def test_cancelling_puts_the_stock_back_once(client, database):
    _, order = client.order(pot=2)
    assert client.post(f"/orders/{order['id']}/cancel", customer="ada")[1]["state"] == "cancelled"
    assert client.post(f"/orders/{order['id']}/cancel", customer="ada")[0] == 409
    assert available(database, "pot") == 3


def test_unpaid_orders_expire(client, database):
    _, order = client.order(pot=2)
    with database.write() as db:
        assert expire(db, order["expires_at"], 10) == 0
        assert expire(db, order["expires_at"] + 1, 10) == 1
    assert available(database, "pot") == 3
    assert client.get(f"/orders/{order['id']}", customer="ada")[1]["state"] == "expired"


def test_orders_are_seen_by_their_customer_alone(client):
    _, order = client.order(tea=1)
    assert client.get(f"/orders/{order['id']}", customer="bob")[0] == 404
    assert client.post(f"/orders/{order['id']}/cancel", customer="bob")[0] == 404
    assert client.get("/orders", customer="bob")[1]["orders"] == []
    assert client.get("/orders")[0] == 401
    assert client.get("/orders", customer="nobody")[0] == 401


def test_own_orders_are_found_by_their_note(client):
    for note in ("for Bob", None, "for Eve"):
        client.post("/orders", {"lines": [{"sku": "mug", "quantity": 1}], "note": note}, customer="ada")
    assert len(client.get("/orders", customer="ada")[1]["orders"]) == 3
    _, found = client.get("/orders?note=for%20Eve", customer="ada")
    assert [order["note"] for order in found["orders"]] == ["for Eve"]


def test_what_is_no_order_is_refused(client):
    for lines in (None, [], "mug", [{"sku": "mug"}], [{"sku": "mug", "quantity": 0}], [{"sku": 1, "quantity": 1}]):
        assert client.post("/orders", {"lines": lines}, customer="ada")[0] == 400
    assert client.post("/orders", {"lines": [{"sku": "mug", "quantity": True}]}, customer="ada")[0] == 400
    assert client.order(old=1)[0] == 404
    assert client.order(none=1)[0] == 404
    body = {"lines": [{"sku": "mug", "quantity": 1}]}
    assert client.post("/orders", body | {"note": "x" * 501}, customer="ada")[0] == 400
    assert client.post("/orders", body | {"voucher": 7}, customer="ada")[0] == 400
