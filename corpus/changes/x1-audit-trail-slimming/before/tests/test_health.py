from ledgerdesk import create_app


def test_health():
    assert create_app().test_client().get("/healthz").get_json() == {"ok": True}
