#!/usr/bin/env python3
"""Makes recurrences.json and events.json: what other implementations say of the same rules and files.

Run by hand, not by the tests, which read the JSON:

    python3 -m venv v && v/bin/pip install python-dateutil==2.9.0.post0 icalendar==7.3.2 \
        recurring-ical-events==3.8.2 tzdata && v/bin/python make.py
"""

import datetime as dt
import importlib.metadata
import json
import pathlib
import random
import warnings
import zoneinfo

import icalendar
import recurring_ical_events
from dateutil.rrule import rrulestr

HERE = pathlib.Path(__file__).parent
UTC = dt.timezone.utc
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",
    "America/Havana",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Pacific/Apia",
]
SHOWN_MAX = 60


def version(package):
    return f"{package} {importlib.metadata.version(package)}"


def instant(moment):
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def case(rule, start, zone, at, length=dt.timedelta(hours=1)):
    """All starts in the first 790 days from `at`, at most SHOWN_MAX; none if there is none."""
    first = dt.datetime.strptime(start, "%Y%m%dT%H%M%S").replace(tzinfo=zoneinfo.ZoneInfo(zone))
    looked = dt.datetime.fromisoformat(at)
    until = looked + dt.timedelta(days=790)
    found = []
    for date in rrulestr(rule, dtstart=first):
        # Python reads a time that never comes with the offset from before, and one that comes twice as the first.
        if date.astimezone(UTC) >= until or len(found) == SHOWN_MAX:
            break
        if date.astimezone(UTC) >= looked:
            found.append(instant(date))
    return {"rule": rule, "start": start, "zone": zone, "at": at, "begins": found}


def random_rule(rng):
    freq = rng.choice(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"])
    parts = [f"FREQ={freq}"]

    def some(name, values, count):
        parts.append(f"{name}=" + ",".join(str(one) for one in sorted(rng.sample(values, rng.randint(1, count)))))

    if rng.random() < 0.4:
        parts.append(f"INTERVAL={rng.randint(2, 5)}")
    if rng.random() < 0.35:
        some("BYMONTH", list(range(1, 13)), 4)
    by_day = False
    if freq == "YEARLY" and rng.random() < 0.2:
        some("BYWEEKNO", [one for one in range(-52, 53) if one], 4)
    elif freq == "YEARLY" and rng.random() < 0.25:
        some("BYYEARDAY", [1, 59, 60, 61, 100, 200, 365, 366, -1, -2, -366, -59], 4)
    elif freq != "WEEKLY" and rng.random() < 0.45:
        some("BYMONTHDAY", [one for one in range(-31, 32) if one], 5)
    if rng.random() < 0.5:
        by_day = True
        days = rng.sample(DAYS, rng.randint(1, 4))
        if freq == "MONTHLY" and rng.random() < 0.5:
            days = [f"{rng.choice([1, 2, 3, 4, -1, -2])}{day}" for day in days]
        parts.append("BYDAY=" + ",".join(days))
    if rng.random() < 0.3:
        some("BYHOUR", list(range(24)), 3)
    if rng.random() < 0.2:
        some("BYMINUTE", [0, 15, 30, 45], 2)
    if len(parts) > 1 and any(part.startswith("BY") for part in parts) and rng.random() < 0.3:
        some("BYSETPOS", [1, 2, 3, -1, -2], 2)
    if by_day and rng.random() < 0.3:
        parts.append(f"WKST={rng.choice(DAYS)}")
    ends = rng.random()
    if ends < 0.2:
        parts.append(f"COUNT={rng.randint(1, 400)}")
    elif ends < 0.4:
        until = dt.datetime(2025, 1, 1) + dt.timedelta(minutes=rng.randint(0, 60 * 24 * 900))
        parts.append(f"UNTIL={until:%Y%m%dT%H%M%SZ}")
    return ";".join(parts)


CHOSEN = [
    # Windows that begin in a gap, and in an overlap.
    ("FREQ=DAILY;COUNT=5", "20260306T023000", "America/New_York", "2026-03-05T00:00:00+00:00"),
    ("FREQ=DAILY;COUNT=5", "20261030T013000", "America/New_York", "2026-10-29T00:00:00+00:00"),
    ("FREQ=DAILY;COUNT=4", "20260327T023000", "Europe/Berlin", "2026-03-26T00:00:00+00:00"),
    ("FREQ=DAILY;COUNT=4", "20261023T023000", "Europe/Berlin", "2026-10-22T00:00:00+00:00"),
    # Midnight itself never comes, or comes twice.
    ("FREQ=DAILY;COUNT=5", "20260904T000000", "America/Santiago", "2026-09-03T00:00:00+00:00"),
    ("FREQ=DAILY;COUNT=5", "20261030T003000", "America/Havana", "2026-10-29T00:00:00+00:00"),
    # Half an hour of daylight saving.
    ("FREQ=DAILY;COUNT=5", "20260403T014500", "Australia/Lord_Howe", "2026-04-02T00:00:00+00:00"),
    # Leap days, ends of months, the last working day, the 53rd week.
    ("FREQ=YEARLY", "20240229T000000", "Europe/Berlin", "2027-01-01T00:00:00+00:00"),
    ("FREQ=MONTHLY", "20240131T120000", "Europe/Berlin", "2026-01-01T00:00:00+00:00"),
    ("FREQ=MONTHLY;BYMONTHDAY=-1", "20240131T120000", "Europe/Berlin", "2026-01-01T00:00:00+00:00"),
    ("FREQ=MONTHLY;BYMONTHDAY=-3,-2,-1", "20240129T120000", "UTC", "2026-01-01T00:00:00+00:00"),
    ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "20240131T170000", "Europe/Berlin", "2026-01-01T00:00:00+00:00"),
    ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1,-1", "20240101T170000", "UTC", "2026-01-01T00:00:00+00:00"),
    ("FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO", "20201228T000000", "UTC", "2025-06-01T00:00:00+00:00"),
    ("FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "20241128T000000", "America/New_York", "2026-01-01T00:00:00+00:00"),
    ("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24,25,26,31", "20241224T000000", "Europe/Berlin", "2026-01-01T00:00:00+00:00"),
    ("FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;WKST=SU", "20240107T220000", "UTC", "2026-01-01T00:00:00+00:00"),
    ("FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;WKST=MO", "20240107T220000", "UTC", "2026-01-01T00:00:00+00:00"),
    # UNTIL in UTC falls between two local starts, and upon one.
    ("FREQ=DAILY;UNTIL=20260110T045959Z", "20260101T000000", "America/New_York", "2026-01-01T00:00:00+00:00"),
    ("FREQ=DAILY;UNTIL=20260110T050000Z", "20260101T000000", "America/New_York", "2026-01-01T00:00:00+00:00"),
    # A COUNT that was used up long ago, and one that nearly was.
    ("FREQ=DAILY;COUNT=700", "20240201T060000", "Europe/Berlin", "2025-12-30T00:00:00+00:00"),
    ("FREQ=DAILY;BYHOUR=9,12,15;BYMINUTE=0,30", "20260101T090000", "Asia/Kolkata", "2026-01-02T00:00:00+00:00"),
]


def recurrences():
    rng = random.Random(5545)
    cases = [case(*chosen) for chosen in CHOSEN]
    while len(cases) < 400:
        begin = dt.datetime(2023, 1, 1) + dt.timedelta(minutes=15 * rng.randint(0, 4 * 24 * 900))
        at = dt.datetime(2025, 6, 1, tzinfo=UTC) + dt.timedelta(days=rng.randint(0, 300))
        made = case(random_rule(rng), begin.strftime("%Y%m%dT%H%M%S"), rng.choice(ZONES), at.isoformat())
        if made["begins"]:
            cases.append(made)
    return {"origin": version("python-dateutil") + ", " + version("tzdata"), "cases": cases}


def events():
    cases = []
    for file in sorted((HERE / "files").glob("*.ics")):
        calendar = icalendar.Calendar.from_ical(file.read_bytes())
        found = []
        first, last = dt.datetime(2026, 1, 1, tzinfo=UTC), dt.datetime(2028, 1, 1, tzinfo=UTC)
        for event in recurring_ical_events.of(calendar).between(first, last):
            zone = zoneinfo.ZoneInfo("Europe/Berlin")

            def moment(value):
                if not isinstance(value, dt.datetime):
                    value = dt.datetime.combine(value, dt.time())
                return value if value.tzinfo else value.replace(tzinfo=zone)

            if str(event.get("STATUS", "")) != "CANCELLED":
                start, end = moment(event["DTSTART"].dt), moment(event["DTEND"].dt)
                found.append([instant(start), instant(end), str(event["SUMMARY"])])
        cases.append({"file": file.name, "spells": sorted(found)})
    origin = version("recurring-ical-events") + ", " + version("icalendar") + ", " + version("tzdata")
    return {"origin": origin + "; times without a zone are in Europe/Berlin", "cases": cases}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for name, made in [("recurrences.json", recurrences()), ("events.json", events())]:
        lines = ",\n".join(json.dumps(one) for one in made["cases"])
        (HERE / name).write_text(f'{{"origin": {json.dumps(made["origin"])}, "cases": [\n{lines}\n]}}\n')
