"""With a provider that needs 1.5 s nobody gets an error, neither who pays nor who orders meanwhile."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from trial import Trial, need, require, together


class Slow(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(1.5)
        content = json.dumps({"id": f"ch_{asked['reference']}"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def check(trial: Trial) -> None:
    trial.seed("testing")
    provider = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=provider.serve_forever, daemon=True).start()
    running = trial.start(STOREFRONT_PROVIDER_URL=f"http://127.0.0.1:{provider.server_port}")
    order = running.customer(7, "POST", "/orders", {"lines": [{"sku": "p7", "quantity": 1}]})
    need(order.status == 201, "no order could be placed")

    def act(n: int) -> int:
        if n == 0:
            return running.customer(7, "POST", f"/orders/{order['id']}/pay", {"card": "card_ok"}, seconds=20).status
        return running.customer(7 + n, "POST", "/orders", {"lines": [{"sku": "p8", "quantity": 1}]}, seconds=20).status

    answers = together(8, act)
    provider.shutdown()
    require(answers == [201] * 8, f"they were answered with {answers}")
