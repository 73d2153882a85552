import os

from celery import Celery
from sqlalchemy import create_engine

app = Celery("helpdesk", broker=os.environ.get("REDIS_URL", "redis://localhost:6379/0"))
engine = create_engine(os.environ.get("DATABASE_URL", "postgresql+psycopg:///helpdesk"))
