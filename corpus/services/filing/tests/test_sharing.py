import time


def share(client, id, right, who="ada", email="bob@example.org"):
    return client.post(f"/documents/{id}/shares", {"email": email, "right": right}, who)[0]


def test_readers_read_and_editors_change(client):
    id = client.document()
    change = {"version": 1, "title": "by Bob", "body": ""}
    assert share(client, id, "reader") == 200
    assert client.get(f"/documents/{id}", "bob")[0] == 200
    assert client.call("PUT", f"/documents/{id}", change, "bob")[0] == 403
    assert share(client, id, "editor") == 200
    assert client.call("PUT", f"/documents/{id}", change, "bob")[0] == 200
    assert client.post(f"/documents/{id}/trash", who="bob")[0] == 403
    assert share(client, id, "reader", "bob", "dan@example.org") == 403
    assert len(client.get("/documents", "bob")[1]["documents"]) == 1


def test_what_was_shared_can_be_taken_back(client):
    id = client.document()
    share(client, id, "reader")
    assert client.call("DELETE", f"/documents/{id}/shares/2", who="bob")[0] == 403
    assert client.call("DELETE", f"/documents/{id}/shares/2", who="ada")[0] == 200
    assert client.call("DELETE", f"/documents/{id}/shares/2", who="ada")[0] == 404
    assert client.get(f"/documents/{id}", "bob")[0] == 404


def test_what_can_not_be_shared_is_refused(client):
    id = client.document()
    assert share(client, id, "owner") == 400
    assert share(client, id, "reader", email="nobody@example.org") == 404
    assert share(client, 99, "reader") == 404


def test_a_link_opens_the_document_until_it_expires(client, database):
    id = client.document()
    assert client.post(f"/documents/{id}/links", {"days": 7}, "bob")[0] == 404
    assert client.post(f"/documents/{id}/links", {"days": 91}, "ada")[0] == 400
    status, link = client.post(f"/documents/{id}/links", {"days": 7}, "ada")
    assert status == 201
    assert client.get(f"/links/{link['token']}") == (200, {"title": "Minutes", "body": "Those present"})
    assert client.get("/links/guess")[0] == 404
    with database.writing() as db:
        db.execute("UPDATE links SET expires_at = ?", (int(time.time()) - 1,))
    assert client.get(f"/links/{link['token']}")[0] == 404


def test_a_link_does_not_open_the_trash(client):
    id = client.document()
    _, link = client.post(f"/documents/{id}/links", {}, "ada")
    client.post(f"/documents/{id}/trash", who="ada")
    assert client.get(f"/links/{link['token']}")[0] == 404
