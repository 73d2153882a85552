from .period import month_before

USAGE = """
    SELECT customer_id, sum(units) AS units FROM usage
    WHERE measured_at >= $1 AND measured_at < $2
    GROUP BY customer_id
"""


async def usage_of_month(conn, now=None):
    start, end = month_before(now)
    return await conn.fetch(USAGE, start, end)
