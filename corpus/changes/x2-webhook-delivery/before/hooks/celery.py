import os

from celery import Celery

app = Celery("hooks", broker=os.environ.get("REDIS_URL", "redis://localhost:6379/1"), include=["hooks.tasks"])
app.conf.task_acks_late = True
