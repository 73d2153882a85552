import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from wallet.models import Account, Base
from wallet.transfer import transfer

pytestmark = pytest.mark.skipif("TEST_DATABASE_URL" not in os.environ, reason="needs PostgreSQL")


def test_parallel_transfers_lose_nothing():
    engine = create_engine(os.environ["TEST_DATABASE_URL"], pool_size=10)
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    with Session(engine) as s:
        s.add_all([Account(id=1, balance_cents=1000), Account(id=2, balance_cents=0)])
        s.commit()

    def one(_):
        with Session(engine) as s:
            transfer(s, 1, 2, 10)

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(one, range(100)))
    with Session(engine) as s:
        assert s.get(Account, 2).balance_cents == 1000
