from datetime import datetime, timezone

from metering.period import month_before


def test_january():
    start, end = month_before(datetime(2024, 1, 15, tzinfo=timezone.utc))
    assert start == datetime(2023, 12, 1, tzinfo=timezone.utc)
    assert end == datetime(2024, 1, 1, tzinfo=timezone.utc)
