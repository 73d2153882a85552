"""psycopg 3 runs what it is told, line by line, and says what came of it."""

import json
import os
import sys

import psycopg

notices = []
with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as db:
    db.add_notice_handler(lambda notice: notices.append(notice.message_primary))
    for line in sys.stdin:
        asked = json.loads(line)
        notices.clear()
        try:
            # Without parameters it sends a simple query, unless it is to be prepared.
            done = db.execute(asked["sql"], asked["values"] or None, prepare=asked["extended"] or None)
            print(json.dumps({"rows": done.rowcount, "notices": notices}), flush=True)
        except psycopg.Error as error:
            print(json.dumps({"sqlstate": error.sqlstate, "message": str(error), "hint": error.diag.message_hint}), flush=True)
