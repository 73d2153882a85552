"""Whatever is searched for, the change finds what the base finds."""

from urllib.parse import quote

from trial import Trial, require

SEARCHES = [
    "",
    "BLUE",
    "wool",
    "100 %",
    "%",
    "_",
    "\\",
    "'",
    '"',
    "Ü",
    "ü",
    "article 1",
    "-- ",
    "; DROP",
    "%%",
    "a%e",
    " oak ",
]


def check(trial: Trial) -> None:
    trial.seed("production")
    trial.execute("UPDATE products SET title = 'Ünder_100%\\o''oak' WHERE sku = 'p9'")
    base, changed = trial.start(trial.base), trial.start()
    for search in SEARCHES:
        for page in (1, 2):
            path = f"/products?search={quote(search)}&page={page}"
            require(base.call("GET", path) == changed.call("GET", path), f"{search!r} finds something else")
