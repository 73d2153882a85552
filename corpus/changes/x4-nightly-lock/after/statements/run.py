import csv
import logging
import os
import sys
from datetime import date

import redis
from jinja2 import Template

from .lock import HostLock
from .mailer import send

TEXT = Template("Dear {{ name }},\n\nyour balance is {{ balance }}.\n")
log = logging.getLogger("statements")


def main():
    logging.basicConfig(level=logging.INFO)
    client = redis.Redis.from_url(os.environ["REDIS_URL"])
    lock = HostLock(client, f"statements:{date.today()}")
    if not lock.acquire():
        log.info("another host sends the statements of today")
        return

    sent = 0
    try:
        with open(sys.argv[1], newline="") as f:
            for row in csv.DictReader(f):
                send(row["email"], TEXT.render(row))
                sent += 1
    finally:
        lock.release()
        log.info("sent %d statements", sent)
