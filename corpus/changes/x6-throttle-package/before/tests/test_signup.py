from signup import create_app


def test_sign_up():
    res = create_app().test_client().post("/users", json={"email": "a@example.com", "password": "correct horse battery"})
    assert res.status_code == 201
