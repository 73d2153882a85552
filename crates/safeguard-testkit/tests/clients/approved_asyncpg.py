"""asyncpg runs what it is told, line by line, and says what came of it."""

import asyncio
import json
import os
import sys

import asyncpg


async def main():
    db = await asyncpg.connect(os.environ["DATABASE_URL"])
    notices = []
    db.add_log_listener(lambda _, notice: notices.append(notice.message))
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked = json.loads(line)
        notices.clear()
        try:
            # `execute` without parameters sends a simple query.
            run = db.fetch if asked["extended"] else db.execute
            done = await run(asked["sql"], *asked["values"])
            rows = int(done.split()[-1]) if asked["values"] else -1
            # Listeners are called when the loop comes round.
            await asyncio.sleep(0)
            print(json.dumps({"rows": rows, "notices": notices}), flush=True)
        except asyncpg.PostgresError as error:
            print(json.dumps({"sqlstate": error.sqlstate, "message": str(error), "hint": error.hint}), flush=True)


asyncio.run(main())
