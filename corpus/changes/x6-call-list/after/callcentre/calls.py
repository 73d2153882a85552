"""Whom to call today: open tickets that wait for more than a day, the urgent ones first."""
from itertools import groupby

DUE = """
    SELECT c.id, c.name, c.phone, t.id AS ticket, t.subject, t.priority
    FROM tickets t
    JOIN customers c ON c.id = t.customer_id
    WHERE t.closed_at IS NULL
      AND t.opened_at < now() - interval '1 day'
      AND c.may_be_called
    ORDER BY t.priority, c.id, t.opened_at
    LIMIT 100
"""


async def due(db):
    rows = await db.fetch(DUE)
    return by_customer(rows)


def by_customer(rows):
    """One entry for each customer in a run, with all of his tickets."""
    entries = []
    for _, group in groupby(rows, key=lambda row: row["id"]):
        group = list(group)
        entries.append({
            "name": group[0]["name"],
            "phone": group[0]["phone"],
            "tickets": [{"id": row["ticket"], "subject": row["subject"]} for row in group],
        })
    return entries
