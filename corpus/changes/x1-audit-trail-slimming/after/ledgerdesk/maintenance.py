"""Runs every night from cron: `flask --app ledgerdesk maintain`."""
from datetime import datetime, timedelta, timezone

from sqlalchemy import delete

from .models import ApiToken, AuditEvent

LOG_DAYS = 14


def shrink(session, now=None):
    now = now or datetime.now(timezone.utc).replace(tzinfo=None)
    tokens = session.execute(delete(ApiToken).where(ApiToken.expires_at < now))
    logs = session.execute(
        delete(AuditEvent).where(AuditEvent.created_at < now - timedelta(days=LOG_DAYS))
    )
    session.commit()
    return {"tokens": tokens.rowcount, "log rows": logs.rowcount}
