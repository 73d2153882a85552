from conftest import PASSWORD


def sign_in(client, email="ada@example.org", password=PASSWORD):
    return client.post("/sign-in", {"email": email, "password": password})


def test_signing_in_gives_a_token_until_signing_out(client):
    status, answer = sign_in(client, " Ada@Example.org ")
    assert status == 201
    assert client.get("/me", answer["token"])[1] == {
        "id": 1,
        "email": "ada@example.org",
        "name": "Ada",
        "role": "member",
    }
    assert client.post("/sign-out", who=answer["token"])[0] == 200
    assert client.get("/me", answer["token"])[0] == 401


def test_a_wrong_password_and_an_unknown_account_look_alike(client):
    assert sign_in(client, password="wrong") == sign_in(client, "nobody@example.org")
    assert client.post("/sign-in", {"email": "ada@example.org"})[0] == 400


def test_five_failures_lock_the_account(client):
    for _ in range(5):
        assert sign_in(client, password="wrong")[0] == 401
    assert sign_in(client)[0] == 429
    assert sign_in(client, "bob@example.org")[0] == 201


def test_a_new_password_ends_the_other_sessions(client):
    _, other = sign_in(client)
    change = {"old": PASSWORD, "new": "another long password"}
    assert client.post("/me/password", change | {"old": "wrong"}, "ada")[0] == 403
    assert client.post("/me/password", change | {"new": "short"}, "ada")[0] == 400
    assert client.post("/me/password", change, "ada")[0] == 200
    assert client.get("/me", other["token"])[0] == 401
    assert client.get("/me", "ada")[0] == 200
    assert sign_in(client)[0] == 401


def test_accounts_are_for_admins(client):
    new = {"email": "Eve@example.org", "name": "Eve", "password": "long enough!", "role": "member"}
    for who, status in [(None, 401), ("ada", 403), ("dan", 403), ("cleo", 201), ("cleo", 409)]:
        assert client.post("/accounts", new, who)[0] == status
    for who, status in [(None, 401), ("ada", 403), ("dan", 403), ("cleo", 200)]:
        assert client.get("/accounts", who)[0] == status
    assert client.post("/accounts", new | {"role": "owner"}, "cleo")[0] == 400
    assert client.post("/accounts", new | {"password": "short"}, "cleo")[0] == 400
    assert client.post("/accounts", new | {"name": ""}, "cleo")[0] == 400
    assert sign_in(client, "eve@example.org", "long enough!")[0] == 201


def test_a_disabled_account_is_out_at_once(client):
    assert client.post("/accounts/1/disable", who="ada")[0] == 403
    assert client.post("/accounts/1/disable", who="cleo")[0] == 200
    assert client.get("/me", "ada")[0] == 401
    assert sign_in(client)[0] == 401
    assert client.post("/accounts/3/disable", who="cleo")[0] == 409
    assert client.post("/accounts/99/disable", who="cleo")[0] == 404


def test_the_audit_trail_is_for_auditors(client):
    client.document()
    for who, status in [(None, 401), ("ada", 403), ("dan", 200), ("cleo", 200)]:
        assert client.get("/audit", who)[0] == status
    _, answer = client.get("/audit?after=0", "dan")
    assert [(record["action"], record["subject"]) for record in answer["records"]] == [("created", "document:1")]
    assert client.get("/audit?after=1", "dan")[1]["records"] == []
    assert client.get("/audit?after=x", "dan")[0] == 400
