"""Starts the service: migrations, the background worker, then HTTP."""

import signal
import sys
import threading

from storefront.database import Database
from storefront.server import Server
from storefront.settings import Settings
from storefront.worker import Worker


def main() -> None:
    settings = Settings.from_environment()
    database = Database(settings.database)
    database.migrate()
    worker = Worker(database, settings)
    server = Server(database, settings)

    def stop(_signal: int, _frame: object) -> None:
        # `shutdown` waits for the loop that this very thread runs.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    worker.start()
    print(f"storefront listens on {settings.host}:{server.server_port}", file=sys.stderr, flush=True)
    server.serve_forever(poll_interval=0.1)
    worker.stop()
    server.server_close()


if __name__ == "__main__":
    main()
