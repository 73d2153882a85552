from .models import Entry, db
from .statement import read


def load(account, path, bank="generic"):
    with open(path, newline="", encoding="utf-8") as f:
        entries = read(f, bank)
    with db.atomic():
        Entry.insert_many([{"account": account, **e} for e in entries]).execute()
    return len(entries)
