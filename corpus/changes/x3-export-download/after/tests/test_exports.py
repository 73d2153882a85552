from payroll import create_app


def test_needs_a_login(tmp_path):
    app = create_app(str(tmp_path))
    app.secret_key = "only-for-tests"
    assert app.test_client().get("/exports/2024-05.csv").status_code == 401
