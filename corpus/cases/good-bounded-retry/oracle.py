"""However the provider fails, it is asked a few times at most, and the customer is answered in time."""

import socket
import threading
import time

from trial import Trial, need, require

TRIES_MAX = 4
SECONDS_MAX = 5.0


def check(trial: Trial) -> None:
    trial.seed("testing")
    listener = socket.create_server(("127.0.0.1", 0))
    asked: list[float] = []
    behaviour = {"silent": False}

    def provide() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            asked.append(time.monotonic())
            if behaviour["silent"]:
                silent.append(connection)
            else:
                connection.close()

    silent: list[socket.socket] = []
    threading.Thread(target=provide, daemon=True).start()
    port = listener.getsockname()[1]
    running = trial.start(STOREFRONT_PROVIDER_URL=f"http://127.0.0.1:{port}")
    for behaviour["silent"] in (False, True):
        asked.clear()
        order = running.customer(7, "POST", "/orders", {"lines": [{"sku": "p7", "quantity": 1}]})
        need(order.status == 201, "no order could be placed")
        began = time.monotonic()
        paid = running.customer(7, "POST", f"/orders/{order['id']}/pay", {"card": "card_ok"}, seconds=20)
        took = time.monotonic() - began
        require(paid.status == 424, f"a payment was answered with {paid.status}")
        require(took <= SECONDS_MAX, f"the customer waited {took:.1f} s")
        require(len(asked) <= TRIES_MAX, f"the provider was asked {len(asked)} times")
    listener.close()
