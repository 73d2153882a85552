"""A service on a free port with three people in it, and a client that speaks to it over HTTP."""

import http.client
import json
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from filing import passwords  # noqa: E402
from filing.app import App  # noqa: E402
from filing.database import Database  # noqa: E402
from filing.server import Server  # noqa: E402
from filing.settings import Settings  # noqa: E402

PASSWORD = "a password for tests"
PEOPLE = [("ada", "member"), ("bob", "member"), ("cleo", "admin"), ("dan", "auditor")]


class Client:
    """Names of people are their session tokens."""

    def __init__(self, port: int) -> None:
        self._port = port

    def call(self, method, path, body=None, who=None):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        content = body if body is None or isinstance(body, bytes) else json.dumps(body)
        try:
            connection.request(method, path, content, {} if who is None else {"Authorization": f"Bearer {who}"})
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if answer.getheader("Content-Type") == "application/json" else text
        finally:
            connection.close()

    def get(self, path, who=None):
        return self.call("GET", path, who=who)

    def post(self, path, body=None, who=None):
        return self.call("POST", path, {} if body is None else body, who)

    def document(self, who="ada", title="Minutes", body="Those present"):
        status, answer = self.post("/documents", {"title": title, "body": body}, who)
        assert status == 201
        return answer["id"]


@pytest.fixture
def settings(tmp_path):
    return Settings(database=tmp_path / "filing.db", attachments=tmp_path / "attachments", port=0)


@pytest.fixture(scope="session")
def kept_password():
    return passwords.stored(PASSWORD)


@pytest.fixture
def database(settings, kept_password):
    database = Database(settings.database)
    database.migrate()
    with database.writing() as db:
        for number, (name, role) in enumerate(PEOPLE, start=1):
            db.execute(
                "INSERT INTO accounts (id, email, name, password, role, created_at) VALUES (?, ?, ?, ?, ?, 0)",
                (number, f"{name}@example.org", name.title(), kept_password, role),
            )
            hour = int(time.time()) + 3600
            db.execute("INSERT INTO sessions VALUES (?, ?, ?)", (passwords.token_hash(name), number, hour))
    return database


@pytest.fixture
def client(database, settings):
    server = Server(App(database, settings), "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Client(server.server_port)
    server.shutdown()
    thread.join()
    server.server_close()
