import threading


def test_a_document_is_read_and_changed_by_its_owner(client):
    id = client.document()
    assert client.get(f"/documents/{id}", "ada")[1]["version"] == 1
    change = {"version": 1, "title": "Minutes, corrected", "body": "All"}
    assert client.call("PUT", f"/documents/{id}", change, "ada") == (200, {"id": id, "version": 2})
    assert client.call("PUT", f"/documents/{id}", change, "ada")[0] == 409
    _, answer = client.get(f"/documents/{id}/revisions", "ada")
    assert [(row["version"], row["title"], row["author"]) for row in answer["revisions"]] == [
        (1, "Minutes", "Ada"),
        (2, "Minutes, corrected", "Ada"),
    ]


def test_others_do_not_learn_that_it_exists(client):
    id = client.document()
    for who in ("bob", "cleo", "dan"):
        assert client.get(f"/documents/{id}", who)[0] == 404
        assert client.get(f"/documents/{id}/revisions", who)[0] == 404
        assert client.call("PUT", f"/documents/{id}", {"version": 1, "title": "x", "body": ""}, who)[0] == 404
        assert client.post(f"/documents/{id}/trash", who=who)[0] == 404
        assert client.get("/documents", who)[1]["documents"] == []
    assert client.get(f"/documents/{id}")[0] == 401
    assert client.get("/documents/x", "ada")[0] == 404


def test_search_looks_at_titles(client):
    client.document(title="Budget 50 %")
    client.document(title="Other")
    assert [d["title"] for d in client.get("/documents?search=BUDGET", "ada")[1]["documents"]] == ["Budget 50 %"]
    assert len(client.get("/documents?search=%25", "ada")[1]["documents"]) == 1
    assert client.get("/documents?page=0", "ada")[0] == 400


def test_the_trash_hides_and_gives_back(client, database):
    id = client.document()
    assert client.post(f"/documents/{id}/trash", who="ada")[0] == 200
    assert client.get(f"/documents/{id}", "ada")[0] == 404
    assert client.post(f"/documents/{id}/restore", who="bob")[0] == 404
    assert client.post(f"/documents/{id}/restore", who="ada")[0] == 200
    assert client.get(f"/documents/{id}", "ada")[0] == 200
    with database.writing() as db:
        db.execute("UPDATE documents SET legal_hold = 1")
    assert client.post(f"/documents/{id}/trash", who="ada")[0] == 409


def test_what_is_no_document_is_refused(client):
    for body in ({}, {"title": "", "body": ""}, {"title": "x" * 201, "body": ""}, {"title": "x", "body": 1}):
        assert client.post("/documents", body, "ada")[0] == 400
    assert client.call("POST", "/documents", b"not json", "ada")[0] == 400
    assert client.call("POST", "/documents", [], "ada")[0] == 400


def test_of_two_who_change_the_same_version_one_wins(client):
    id = client.document()
    answers = []

    def change(n):
        body = {"version": 1, "title": f"by {n}", "body": ""}
        answers.append(client.call("PUT", f"/documents/{id}", body, "ada")[0])

    threads = [threading.Thread(target=change, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] + [409] * 7
