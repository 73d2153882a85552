from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")


def interest(principal: Decimal, rate_percent: Decimal, days: int) -> Decimal:
    """Simple interest, act/365, rounded half up to the cent once, at the end."""
    for value in (principal, rate_percent):
        if not isinstance(value, Decimal):
            raise TypeError("amounts and rates are Decimal")
    if days < 0:
        raise ValueError("days must not be negative")
    return (principal * rate_percent * days / 36500).quantize(CENT, rounding=ROUND_HALF_UP)
