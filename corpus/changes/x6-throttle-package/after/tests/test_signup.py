from signup import create_app


def sign_up(client, email, password="correct horse battery"):
    return client.post("/users", json={"email": email, "password": password})


def test_sign_up():
    assert sign_up(create_app().test_client(), "a@example.com").status_code == 201


def test_short_password():
    assert sign_up(create_app().test_client(), "a@example.com", "short").status_code == 400


def test_limit():
    client = create_app().test_client()
    codes = [sign_up(client, f"{i}@example.com").status_code for i in range(6)]
    assert codes[-1] == 429
