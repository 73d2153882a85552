from datetime import date, datetime

from metering.billing import price_cents
from metering.period import month_before


def test_january():
    assert month_before(datetime(2024, 1, 15)).month == date(2023, 12, 1)


def test_free_units():
    assert price_cents(900) == 0
    assert price_cents(1200) == 14
