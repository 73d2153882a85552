from psycopg.rows import dict_row
from starlette.requests import Request
from starlette.responses import JSONResponse

from .db import pool


async def index(request: Request) -> JSONResponse:
    async with pool.connection() as conn, conn.cursor(row_factory=dict_row) as cur:
        await cur.execute("SELECT id, name, site, hours FROM machines ORDER BY name LIMIT 100")
        return JSONResponse(await cur.fetchall())
