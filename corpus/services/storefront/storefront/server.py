"""HTTP: routes, who asks, and answers in JSON."""

import hmac
import json
import re
import sqlite3
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from storefront.database import Database
from storefront.provider import Provider
from storefront.settings import Settings

BODY_BYTES_MAX = 64 * 1024


class Refused(Exception):
    """An answer that is the client's own doing."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass
class Request:
    database: Database
    settings: Settings
    provider: Provider
    query: dict[str, str]
    body: dict[str, Any]
    customer: sqlite3.Row | None
    path: dict[str, str] = field(default_factory=dict)

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """A number of the query within its bounds."""
        text = self.query.get(name, str(default))
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise Refused(400, f"`{name}` has to be a number from {least} to {most}")
        return int(text)

    def identified(self) -> sqlite3.Row:
        if self.customer is None:
            raise Refused(401, "send your token in X-Customer")
        return self.customer


Handler = Callable[[Request], tuple[int, Any]]


@dataclass(frozen=True)
class Route:
    method: str
    pattern: re.Pattern[str]
    handler: Handler
    staff: bool


ROUTES: list[Route] = []


def route(method: str, path: str, staff: bool = False) -> Callable[[Handler], Handler]:
    """Registers a handler; `{name}` in the path matches one segment."""
    pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path) + r"\Z")

    def register(handler: Handler) -> Handler:
        ROUTES.append(Route(method, pattern, handler, staff))
        return handler

    return register


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, database: Database, settings: Settings) -> None:
        # Their routes register themselves.
        from storefront import catalogue, orders, payments, reports, stock  # noqa: F401

        self.database = database
        self.settings = settings
        self.provider = Provider(settings)
        super().__init__((settings.host, settings.port), Connection)


class Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60
    server: Server

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _serve(self, method: str) -> None:
        address = urlsplit(self.path)
        try:
            body = self._body()
            status, answer = self._answer(method, address.path, dict(parse_qsl(address.query)), body)
        except Refused as refused:
            status, answer = refused.status, {"error": refused.message}
        except Exception:
            print(f"{method} {address.path}\n{traceback.format_exc()}", file=sys.stderr, flush=True)
            status, answer = 500, {"error": "internal error"}
        self._send(status, answer)

    def _answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        if path == "/healthz":
            with self.server.database.read() as db:
                db.execute("SELECT 1")
            return 200, {"status": "ok"}
        for route in ROUTES:
            found = route.pattern.match(path)
            if found and route.method == method:
                if route.staff:
                    self._require_staff()
                request = Request(
                    database=self.server.database,
                    settings=self.server.settings,
                    provider=self.server.provider,
                    query=query,
                    body=body,
                    customer=self._customer(),
                    path={name: unquote(value) for name, value in found.groupdict().items()},
                )
                return route.handler(request)
        raise Refused(404, "no such resource")

    def _require_staff(self) -> None:
        expected = self.server.settings.staff_token
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if expected is None or not hmac.compare_digest(given.encode(), expected.encode()):
            raise Refused(403, "staff only")

    def _customer(self) -> sqlite3.Row | None:
        token = self.headers.get("X-Customer")
        if token is None:
            return None
        with self.server.database.read() as db:
            return db.execute("SELECT * FROM customers WHERE token = ?", (token,)).fetchone()

    def _body(self) -> dict[str, Any]:
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_BYTES_MAX:
            self.close_connection = True
            raise Refused(413, f"a body has at most {BODY_BYTES_MAX} bytes")
        text = self.rfile.read(length)
        if not text:
            return {}
        try:
            body = json.loads(text)
        except ValueError:
            raise Refused(400, "the body is not JSON") from None
        if not isinstance(body, dict):
            raise Refused(400, "the body has to be an object")
        return body

    def _send(self, status: int, answer: Any) -> None:
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
