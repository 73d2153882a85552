from decimal import Decimal

import pytest

from bank.statement import Mismatch, read

LINES = ["date;amount;purpose", "2024-05-02;-12.50;Paper", "2024-05-03;100.00;Invoice 7"]


def test_reads():
    assert len(read(LINES, Decimal("0"), Decimal("87.50"))) == 2


def test_must_lead_to_the_closing_balance():
    with pytest.raises(Mismatch):
        read(LINES, Decimal("0"), Decimal("99.00"))
