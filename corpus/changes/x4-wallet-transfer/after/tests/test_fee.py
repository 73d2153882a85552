import pytest

from wallet.transfer import fee


@pytest.mark.parametrize("cents, expected", [(1000, 5), (1001, 6), (1, 1)])
def test_fee_rounds_up(cents, expected):
    assert fee(cents) == expected
