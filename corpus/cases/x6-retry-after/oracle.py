"""Whatever the provider answers, the customer is told that nothing was charged."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from trial import Trial, need, require


class Busy(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(503)
        self.send_header("Retry-After", "30")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def check(trial: Trial) -> None:
    trial.seed("testing")
    provider = ThreadingHTTPServer(("127.0.0.1", 0), Busy)
    threading.Thread(target=provider.serve_forever, daemon=True).start()
    running = trial.start(STOREFRONT_PROVIDER_URL=f"http://127.0.0.1:{provider.server_port}")
    order = running.customer(7, "POST", "/orders", {"lines": [{"sku": "p7", "quantity": 1}]})
    need(order.status == 201, "no order could be placed")
    status = running.customer(7, "POST", f"/orders/{order['id']}/pay", {"card": "card_ok"}).status
    provider.shutdown()
    require(status == 424, f"with the provider busy a payment was answered with {status}: {running.said()[-200:]}")
