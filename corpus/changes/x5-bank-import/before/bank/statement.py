import csv
from datetime import date
from decimal import Decimal


class Mismatch(Exception):
    pass


def read(lines, opening, closing):
    entries = []
    for row in csv.DictReader(lines, delimiter=";"):
        entries.append({
            "booked_on": date.fromisoformat(row["date"]),
            "amount": Decimal(row["amount"]),
            "purpose": row["purpose"][:200],
        })
    if opening + sum(e["amount"] for e in entries) != closing:
        raise Mismatch(f"the entries do not lead from {opening} to {closing}")
    return entries
