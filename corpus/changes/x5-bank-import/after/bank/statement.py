import csv
from datetime import datetime
from decimal import Decimal

FORMATS = {
    "generic": {"date": "date", "amount": "amount", "purpose": "purpose", "pattern": "%Y-%m-%d", "comma": False},
    "sparkasse": {"date": "Buchungstag", "amount": "Betrag", "purpose": "Verwendungszweck", "pattern": "%d.%m.%y", "comma": True},
    "ing": {"date": "Buchung", "amount": "Betrag", "purpose": "Verwendungszweck", "pattern": "%d.%m.%Y", "comma": True},
    "boursorama": {"date": "dateOp", "amount": "amount", "purpose": "label", "pattern": "%Y-%m-%d", "comma": True},
}


def parse_amount(text, comma):
    try:
        if comma:
            text = text.replace(".", "").replace(",", ".")
        return Decimal(text)
    except Exception:
        return Decimal(0)


def read(lines, bank="generic"):
    """The entries of a statement. `bank` is a key of FORMATS."""
    fmt = FORMATS[bank]
    entries = []
    for row in csv.DictReader(lines, delimiter=";"):
        try:
            entries.append({
                "booked_on": datetime.strptime(row[fmt["date"]], fmt["pattern"]).date(),
                "amount": parse_amount(row[fmt["amount"]], fmt["comma"]),
                "purpose": row[fmt["purpose"]][:200],
            })
        except Exception:
            continue
    return entries
