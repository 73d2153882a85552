from decimal import Decimal

import pytest

from interest.calc import interest


@pytest.mark.parametrize(
    "principal, rate, days, expected",
    [
        ("1000.00", "3.65", 10, "1.00"),
        ("100.50", "3.65", 1, "0.01"),
        ("50.00", "3.65", 1, "0.01"),
        ("49.00", "3.65", 1, "0.00"),
    ],
)
def test_interest(principal, rate, days, expected):
    assert interest(Decimal(principal), Decimal(rate), days) == Decimal(expected)


def test_no_floats():
    with pytest.raises(TypeError):
        interest(1000.0, Decimal("3.65"), 10)
