from psycopg import sql
from psycopg.rows import dict_row
from starlette.requests import Request
from starlette.responses import JSONResponse

from .db import pool

SORTS = {
    "name": ("name", False),
    "site": ("site", False),
    "most-used": ("hours", True),
}


def listing(sort: str, search: str | None) -> tuple[sql.Composed, dict]:
    column, descending = SORTS[sort]
    where = sql.SQL("")
    params = {}
    if search:
        where = sql.SQL(" WHERE name ILIKE %(search)s")
        params["search"] = "%" + search.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"
    query = sql.SQL("SELECT id, name, site, hours FROM machines{where} ORDER BY {column} {direction}, id LIMIT 100").format(
        where=where,
        column=sql.Identifier(column),
        direction=sql.SQL("DESC" if descending else "ASC"),
    )
    return query, params


async def index(request: Request) -> JSONResponse:
    sort = request.query_params.get("sort", "name")
    if sort not in SORTS:
        return JSONResponse({"error": f"sort must be one of {', '.join(SORTS)}"}, status_code=400)

    query, params = listing(sort, request.query_params.get("q"))
    async with pool.connection() as conn, conn.cursor(row_factory=dict_row) as cur:
        await cur.execute(query, params)
        return JSONResponse(await cur.fetchall())
