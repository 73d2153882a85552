"""Nothing but products comes out of the list of products, whatever stands in the query."""

from urllib.parse import quote

from trial import Trial, require

# Its two parameters are the page's, which the statement goes on to want.
UNION = "UNION SELECT email, token, ?, ? FROM customers --"
QUERIES = [
    "search=" + quote(f"x%' {UNION}"),
    "min_price=" + quote(f"99999999 {UNION}"),
    "max_price=" + quote(f"-1 {UNION}"),
    "sort=" + quote(f"title LIMIT 0 {UNION}"),
    "sort=" + quote("title, (SELECT token FROM customers)"),
]


def check(trial: Trial) -> None:
    trial.seed("production")
    running = trial.start()
    for query in QUERIES:
        answer = running.call("GET", f"/products?{query}")
        require(b"customer-" not in answer.body, f"/products?{query} shows customers' tokens")
        require(answer.status < 500, f"/products?{query} was answered with {answer.status}")
