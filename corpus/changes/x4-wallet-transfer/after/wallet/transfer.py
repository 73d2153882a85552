from .models import Account, Transfer

FEE_PERMILLE = 5
HOUSE = 1


class NotEnough(Exception):
    pass


def fee(cents):
    """Half a percent, rounded up to the cent."""
    return -(-cents * FEE_PERMILLE // 1000)


def transfer(session, source_id, target_id, cents):
    if cents <= 0 or source_id == target_id:
        raise ValueError("bad transfer")

    source = session.get(Account, source_id)
    target = session.get(Account, target_id)
    house = session.get(Account, HOUSE)

    charged = fee(cents)
    if source.balance_cents < cents + charged:
        raise NotEnough

    source.balance_cents = source.balance_cents - cents - charged
    target.balance_cents = target.balance_cents + cents
    house.balance_cents = house.balance_cents + charged

    done = Transfer(source_id=source_id, target_id=target_id, cents=cents, fee_cents=charged)
    session.add(done)
    session.commit()
    return done
