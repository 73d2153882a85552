"""What is in use is answered as by the base, and no data is gone."""

from trial import Trial, require

PATHS = ("/products?page=2", "/products/p7", "/products?search=oak")
STAFF = ("/reports/low-stock?below=30", "/reports/revenue?from=2026-01-01&to=2026-12-31")


def check(trial: Trial) -> None:
    trial.seed("production")
    codes = trial.one("SELECT COUNT(supplier_code) FROM products")
    base, changed = trial.start(trial.base), trial.start()
    for path in PATHS:
        require(base.call("GET", path) == changed.call("GET", path), f"{path} is answered differently")
    for path in STAFF:
        require(base.staff("GET", path) == changed.staff("GET", path), f"{path} is answered differently")
        require(changed.call("GET", path).status == 403, f"{path} is open to everyone")
    require(trial.one("SELECT COUNT(supplier_code) FROM products") == codes, "supplier codes are gone")
