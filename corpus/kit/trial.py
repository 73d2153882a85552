"""What an oracle needs: a service in a folder of its own, started as its users would meet it, and its database.

An oracle is a file `oracle.py` with a function `check(trial)`. It returns when the service does what it must, and raises
`Bad` when it shows that it does not. Any other exception means that it could not tell.
"""

import http.client
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

START_SECONDS_MAX = 15.0
STOP_SECONDS_MAX = 5.0
CALL_SECONDS_MAX = 10.0
STAFF_TOKEN = "staff-of-the-shop"


class Bad(Exception):
    """The service was shown to do what it must not."""


class DidNotStart(Exception):
    """It was not healthy in time; the text is what it said."""


@dataclass
class Answer:
    status: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def __getitem__(self, key: str) -> Any:
        return self.json()[key]


class Running:
    """One process of a service."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self._log = log

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        seconds: float = CALL_SECONDS_MAX,
    ) -> Answer:
        """One request on a connection of its own. No answer in time is a `TimeoutError`."""
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)) as connection:
            connection.request(method, path, content, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, answer.read())

    def customer(self, n: int | str, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        return self.call(method, path, body, {"X-Customer": f"customer-{n}"}, **more)

    def staff(self, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        return self.call(method, path, body, {"Authorization": f"Bearer {STAFF_TOKEN}"}, **more)

    def person(self, n: int | str, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        token = f"session-{n}" if isinstance(n, int) else n
        return self.call(method, path, body, {"Authorization": f"Bearer {token}"}, **more)

    def said(self) -> str:
        return self._log.read_text(errors="replace")

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@dataclass
class Trial:
    """`code` is the service under judgement, `base` the one that it was changed from; they may be the same."""

    name: str
    code: Path
    base: Path
    folder: Path
    _running: list[Running] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        """Whether there is a change to judge; a feature that it brings is in the base neither wanted nor missed."""
        return self.code != self.base

    @property
    def database(self) -> Path:
        return self.folder / "data.db"

    @property
    def spool(self) -> Path:
        return self.folder / "data.spool"

    @property
    def attachments(self) -> Path:
        return self.folder / "data.attachments"

    def seed(self, scale: str = "testing") -> None:
        """The data as the base left them, before the change came."""
        command = [sys.executable, str(self.base / "seed.py"), str(self.database), "--scale", scale]
        subprocess.run(command, check=True, timeout=60)

    def start(self, code: Path | None = None, **variables: str) -> Running:
        """Starts the service under judgement, or another, on the trial's database, and waits until it is healthy."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        prefix = self.name.upper()
        environment = {
            "PATH": os.environ["PATH"],
            "HOST": "127.0.0.1",
            "PORT": str(port),
            f"{prefix}_DATABASE": str(self.database),
            "STOREFRONT_STAFF_TOKEN": STAFF_TOKEN,
        }
        log = self.folder / f"log-{len(self._running)}"
        with log.open("wb") as said:
            process = subprocess.Popen(
                [sys.executable, str((code or self.code) / "bin" / self.name)],
                env=environment | variables,
                cwd=self.folder,
                stdout=said,
                stderr=said,
            )
        running = Running(process, port, log)
        self._running.append(running)
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if running.call("GET", "/healthz", seconds=2).status == 200:
                    return running
            except OSError:
                time.sleep(0.02)
        running.stop()
        raise DidNotStart(running.said()[-2000:])

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        return rows(self.database, sql, *values)

    def one(self, sql: str, *values: Any) -> Any:
        """The first column of the first row."""
        return self.rows(sql, *values)[0][0]

    def execute(self, sql: str, *values: Any) -> None:
        with closing(sqlite3.connect(self.database, timeout=5)) as connection, connection:
            connection.execute(sql, values)

    def copy(self, code: Path, name: str) -> Path:
        """A copy of a service that the oracle may add files to."""
        return shutil.copytree(code, self.folder / name)

    def end(self) -> None:
        for running in self._running:
            running.stop()


def rows(database: Path, sql: str, *values: Any) -> list[sqlite3.Row]:
    with closing(sqlite3.connect(database, timeout=5)) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute(sql, values).fetchall()


def require(holds: object, otherwise: str) -> None:
    if not holds:
        raise Bad(otherwise)


def need(holds: object, otherwise: str) -> None:
    """What the oracle itself stands on; without it nothing can be told."""
    if not holds:
        raise RuntimeError(otherwise)


def together(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Runs `work(0)` … `work(count - 1)` at once and returns what each returned or raised."""
    outcomes: list[Any] = [None] * count
    gate = threading.Barrier(count)

    def run(n: int) -> None:
        gate.wait()
        try:
            outcomes[n] = work(n)
        except Exception as error:
            outcomes[n] = error

    threads = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return outcomes


def until(holds: Callable[[], object], seconds: float) -> bool:
    """Waits for a state, with a deadline, and says whether it came."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
