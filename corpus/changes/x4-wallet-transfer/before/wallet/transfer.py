from sqlalchemy import select

from .models import Account


class NotEnough(Exception):
    pass


def transfer(session, source_id, target_id, cents):
    if cents <= 0 or source_id == target_id:
        raise ValueError("bad transfer")
    # always in the order of the ids, so that two transfers can not wait for each other
    query = select(Account).where(Account.id.in_([source_id, target_id])).order_by(Account.id).with_for_update()
    accounts = {a.id: a for a in session.scalars(query)}
    source, target = accounts[source_id], accounts[target_id]
    if source.balance_cents < cents:
        raise NotEnough
    source.balance_cents -= cents
    target.balance_cents += cents
    session.commit()
