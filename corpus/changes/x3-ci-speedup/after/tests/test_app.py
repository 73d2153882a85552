from litestar.testing import TestClient

from claims.app import app


def test_health():
    with TestClient(app) as client:
        assert client.get("/health").json() == {"ok": True}
