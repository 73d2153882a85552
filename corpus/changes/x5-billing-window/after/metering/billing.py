from .period import month_before

USAGE = """
    SELECT customer_id, sum(units) AS units FROM usage
    WHERE measured_at BETWEEN $1 AND $2
    GROUP BY customer_id
"""
BILL = """
    INSERT INTO bills (customer_id, month, units, cents) VALUES ($1, $2, $3, $4)
    ON CONFLICT (customer_id, month) DO NOTHING
"""

FREE_UNITS = 1000
CENTS_PER_100_UNITS = 7


def price_cents(units):
    billable = max(0, units - FREE_UNITS)
    return billable * CENTS_PER_100_UNITS // 100


async def bill_month(conn, now=None):
    """Writes one bill for each customer; a second run adds nothing."""
    period = month_before(now)
    async with conn.transaction():
        rows = await conn.fetch(USAGE, period.start, period.end)
        await conn.executemany(
            BILL,
            [(r["customer_id"], period.month, int(r["units"]), price_cents(int(r["units"]))) for r in rows],
        )
    return period.label, len(rows)
