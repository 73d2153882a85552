"""HTTP/1.1 on the standard library's server: reads requests, writes answers, knows nothing of documents."""

import json
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

BODY_BYTES_MAX = 2 * 1024 * 1024


class Problem(Exception):
    """An answer that is the client's own doing."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    query: dict[str, str]
    token: str | None
    body: bytes

    def json(self) -> dict[str, Any]:
        try:
            value = json.loads(self.body or b"{}")
        except ValueError:
            raise Problem(400, "the body is not JSON") from None
        if not isinstance(value, dict):
            raise Problem(400, "the body has to be an object")
        return value


@dataclass(frozen=True)
class Answer:
    status: int
    value: Any = None
    content: bytes | None = None
    media: str = "application/json"


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, app: Callable[[Call], Answer], host: str, port: int) -> None:
        self.app = app
        super().__init__((host, port), _Connection)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60
    server: Server

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        try:
            authorization = self.headers.get("Authorization", "")
            call = Call(
                method=self.command,
                path=address.path,
                query=dict(parse_qsl(address.query)),
                token=authorization.removeprefix("Bearer ") if authorization.startswith("Bearer ") else None,
                body=self._body(),
            )
            answer = self.server.app(call)
        except Problem as problem:
            answer = Answer(problem.status, {"error": problem.message})
        except Exception:
            print(f"{self.command} {address.path}\n{traceback.format_exc()}", file=sys.stderr, flush=True)
            answer = Answer(500, {"error": "internal error"})
        self._send(answer)

    do_POST = do_PUT = do_DELETE = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _body(self) -> bytes:
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_BYTES_MAX:
            self.close_connection = True
            raise Problem(413, f"a body has at most {BODY_BYTES_MAX} bytes")
        return self.rfile.read(length)

    def _send(self, answer: Answer) -> None:
        content = json.dumps(answer.value).encode() if answer.content is None else answer.content
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.media)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(content)
