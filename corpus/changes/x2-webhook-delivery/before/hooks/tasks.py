import requests

from .celery import app
from .signing import signature


@app.task
def deliver(url, secret, body):
    data = body.encode()
    requests.post(url, data=data, headers={"X-Signature": signature(secret, data)}, timeout=10)
