from datetime import datetime, timezone


def month_before(now=None):
    """Start (inclusive) and end (exclusive) of the month before, in UTC."""
    now = now or datetime.now(timezone.utc)
    end = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    start = end.replace(year=end.year - 1, month=12) if end.month == 1 else end.replace(month=end.month - 1)
    return start, end
