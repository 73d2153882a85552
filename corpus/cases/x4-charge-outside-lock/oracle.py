"""An order is charged once and only while it is open, however the requests fall together."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from trial import Trial, need, require, together

PROVIDER_SECONDS = 0.3


class Provider(BaseHTTPRequestHandler):
    """Idempotent by reference, as the real one, and not quick."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(PROVIDER_SECONDS)
        content = json.dumps({"id": f"ch_{asked['reference']}"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def check(trial: Trial) -> None:
    trial.seed("testing")
    provider = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=provider.serve_forever, daemon=True).start()
    running = trial.start(STOREFRONT_PROVIDER_URL=f"http://127.0.0.1:{provider.server_port}")
    orders = [running.customer(7, "POST", "/orders", {"lines": [{"sku": "p7", "quantity": 1}]})["id"] for _ in range(4)]

    def act(n: int) -> int:
        # The last order is paid once and cancelled meanwhile; the others are paid three times.
        order = orders[n // 3]
        if n == 11:
            time.sleep(PROVIDER_SECONDS / 2)
            return running.customer(7, "POST", f"/orders/{order}/cancel").status
        return running.customer(7, "POST", f"/orders/{order}/pay", {"card": "card_ok"}).status

    answers = together(12, act)
    need(any(status == 201 for status in answers), f"nothing could be paid: {answers}")
    provider.shutdown()
    for order in orders:
        charges = trial.one("SELECT COUNT(*) FROM payments WHERE order_id = ? AND kind = 'charge'", order)
        state = trial.one("SELECT state FROM orders WHERE id = ?", order)
        require(charges <= 1, f"order {order} was charged {charges} times")
        require((charges == 1) == (state == "paid"), f"order {order} is {state} and was charged {charges} times")
        kept = trial.one("SELECT -SUM(change) FROM stock_movements WHERE order_id = ?", order)
        require(kept == (1 if state == "paid" else 0), f"order {order} is {state} and keeps {kept} of its stock")
