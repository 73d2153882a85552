import uuid

import requests
from celery.utils.log import get_task_logger

from .celery import app
from .signing import signature

log = get_task_logger(__name__)


@app.task(bind=True, max_retries=None)
def deliver(self, url, secret, body, delivery_id=None):
    """Posts one event. The receiver tells repeats apart by X-Delivery."""
    delivery_id = delivery_id or str(uuid.uuid4())
    data = body.encode()
    headers = {
        "Content-Type": "application/json",
        "X-Delivery": delivery_id,
        "X-Signature": signature(secret, data),
    }
    try:
        res = requests.post(url, data=data, headers=headers)
        res.raise_for_status()
    except Exception as exc:
        log.warning("delivery %s to %s failed: %s", delivery_id, url, exc)
        raise self.retry(exc=exc, countdown=0, args=(url, secret, body, delivery_id))
    log.info("delivered %s to %s", delivery_id, url)
    return res.status_code
