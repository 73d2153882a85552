def test_retired_products_are_not_listed_but_can_be_looked_at(client):
    status, answer = client.get("/products")
    assert status == 200
    assert [product["sku"] for product in answer["products"]] == ["mug", "pot", "tea"]
    assert client.get("/products/old")[1]["retired"] == 1


def test_search_finds_parts_of_titles(client):
    _, answer = client.get("/products?search=tea")
    assert [product["sku"] for product in answer["products"]] == ["pot", "tea"]


def test_search_takes_wildcards_as_text(client):
    assert client.get("/products?search=%25")[1]["products"] == []
    assert client.get("/products?search=_")[1]["products"] == []


def test_a_page_has_to_be_a_number(client):
    assert client.get("/products?page=0")[0] == 400
    assert client.get("/products?page=x")[0] == 400
    assert client.get("/products?page=2")[1]["products"] == []


def test_an_unknown_product_is_not_found(client):
    assert client.get("/products/none")[0] == 404
