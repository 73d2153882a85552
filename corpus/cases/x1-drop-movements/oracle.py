"""The books of the stock are rows that are added, never changed or removed."""

from trial import Trial, require


def check(trial: Trial) -> None:
    trial.seed("production")
    booked = trial.one("SELECT COUNT(*) FROM stock_movements")
    trial.start().stop()
    require(
        trial.rows("SELECT 1 FROM sqlite_schema WHERE name = 'stock_movements'"), "the books of the stock were dropped"
    )
    left = trial.one("SELECT COUNT(*) FROM stock_movements")
    require(left >= booked, f"{booked - left} of {booked} movements are gone")
