from fastapi.testclient import TestClient

from portal.main import app


def test_needs_a_token():
    assert TestClient(app).get("/me").status_code == 403
