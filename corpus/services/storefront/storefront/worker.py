"""In the background: unpaid orders expire, and receipts are written for the mailer."""

import sys
import threading
import time
import traceback

from storefront.database import Database
from storefront.orders import expire
from storefront.settings import Settings

BATCH = 50


class Worker:
    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=5)

    def turn(self, now: int) -> None:
        """One turn; each kind of work in batches, so that nobody waits long for the write lock."""
        with self._database.write() as db:
            expire(db, now, BATCH)
        self._write_receipts(now)

    def _run(self) -> None:
        while not self._stopped.wait(self._settings.worker_interval_seconds):
            try:
                self.turn(int(time.time()))
            except Exception:
                print(f"worker: {traceback.format_exc()}", file=sys.stderr, flush=True)

    def _write_receipts(self, now: int) -> None:
        """A receipt may be written twice after a crash, under the same name, and is never left out."""
        with self._database.read() as db:
            waiting = db.execute(
                "SELECT id, body FROM receipts WHERE written_at IS NULL ORDER BY id LIMIT ?", (BATCH,)
            ).fetchall()
        if not waiting:
            return
        self._settings.spool.mkdir(parents=True, exist_ok=True)
        for receipt in waiting:
            (self._settings.spool / f"receipt-{receipt['id']}.txt").write_text(receipt["body"], encoding="utf-8")
        with self._database.write() as db:
            db.executemany(
                "UPDATE receipts SET written_at = ? WHERE id = ?", [(now, receipt["id"]) for receipt in waiting]
            )
