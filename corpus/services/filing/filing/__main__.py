"""Starts the service: migrations, retention in the background, then HTTP."""

import signal
import sys
import threading

from filing.app import App
from filing.database import Database
from filing.retention import Keeper
from filing.server import Server
from filing.settings import Settings


def main() -> None:
    settings = Settings.from_environment()
    database = Database(settings.database)
    database.migrate()
    keeper = Keeper(database, settings)
    server = Server(App(database, settings), settings.host, settings.port)

    def stop(_signal: int, _frame: object) -> None:
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    keeper.start()
    print(f"filing listens on {settings.host}:{server.server_port}", file=sys.stderr, flush=True)
    server.serve_forever(poll_interval=0.1)
    keeper.stop()
    server.server_close()


if __name__ == "__main__":
    main()
