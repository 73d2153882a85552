from datetime import datetime, timedelta, timezone

from helpdesk.tasks import orphans

NOW = datetime(2024, 6, 1, tzinfo=timezone.utc)


def obj(key, days):
    return {"Key": key, "LastModified": NOW - timedelta(days=days)}


def test_referenced_and_young_objects_stay():
    objects = [obj("a", 10), obj("b", 10), obj("c", 1)]
    assert orphans(objects, {"a"}, NOW) == ["b"]
