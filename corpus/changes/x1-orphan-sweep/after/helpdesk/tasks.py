import os
from datetime import datetime, timedelta, timezone

from celery import Celery
from celery.schedules import crontab
from celery.utils.log import get_task_logger
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from . import storage
from .models import Attachment

app = Celery("helpdesk", broker=os.environ.get("REDIS_URL", "redis://localhost:6379/0"))
app.conf.beat_schedule = {
    "sweep-uploads": {"task": "helpdesk.tasks.sweep_uploads", "schedule": crontab(hour=3, minute=20)},
}
engine = create_engine(os.environ.get("DATABASE_URL", "postgresql+psycopg:///helpdesk"))
log = get_task_logger(__name__)

GRACE = timedelta(days=2)


def orphans(objects, known, now):
    """Keys that nothing refers to; young ones may belong to an upload in flight."""
    return [o["Key"] for o in objects if o["Key"] not in known and o["LastModified"] < now - GRACE]


@app.task(name="helpdesk.tasks.sweep_uploads")
def sweep_uploads():
    with Session(engine) as session:
        known = set(session.scalars(select(Attachment.object_key)))

    s3 = storage.client()
    removed = 0
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=storage.BUCKET):
        keys = orphans(page.get("Contents", []), known, datetime.now(timezone.utc))
        if keys:
            s3.delete_objects(Bucket=storage.BUCKET, Delete={"Objects": [{"Key": k} for k in keys]})
            removed += len(keys)
    log.info("removed %d orphaned uploads", removed)
    return removed
