from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True)
class Period:
    month: date
    start: datetime
    end: datetime

    @property
    def label(self):
        return self.month.strftime("%B %Y")


def month_before(now=None):
    now = now or datetime.now()
    year, month = (now.year - 1, 12) if now.month == 1 else (now.year, now.month - 1)
    last = monthrange(year, month)[1]
    return Period(
        month=date(year, month, 1),
        start=datetime(year, month, 1),
        end=datetime(year, month, last, 23, 59, 59),
    )
