from datetime import datetime, timedelta

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from ledgerdesk.maintenance import shrink
from ledgerdesk.models import ApiToken, Base


@pytest.fixture
def session():
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as s:
        yield s


def test_expired_tokens_go(session):
    now = datetime(2024, 5, 1)
    session.add_all([
        ApiToken(user_id=1, digest="a", expires_at=now - timedelta(days=1)),
        ApiToken(user_id=1, digest="b", expires_at=now + timedelta(days=1)),
    ])
    session.commit()
    assert shrink(session, now)["tokens"] == 1
    assert session.scalars(select(ApiToken.digest)).all() == ["b"]
