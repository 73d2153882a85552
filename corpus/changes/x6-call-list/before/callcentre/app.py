import os

import asyncpg
from quart import Quart, jsonify

app = Quart(__name__)


@app.before_serving
async def connect():
    app.db = await asyncpg.create_pool(os.environ["DATABASE_URL"], max_size=5)


@app.after_serving
async def disconnect():
    await app.db.close()


@app.get("/tickets")
async def tickets():
    rows = await app.db.fetch("SELECT id, subject, severity FROM tickets WHERE closed_at IS NULL ORDER BY id LIMIT 200")
    return jsonify([dict(row) for row in rows])
