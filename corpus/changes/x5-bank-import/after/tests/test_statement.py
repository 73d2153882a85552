from decimal import Decimal

from bank.statement import read

GENERIC = ["date;amount;purpose", "2024-05-02;-12.50;Paper", "2024-05-03;100.00;Invoice 7"]
ING = ["Buchung;Betrag;Verwendungszweck", "02.05.2024;-1.012,50;Papier"]


def test_generic():
    assert len(read(GENERIC)) == 2


def test_ing():
    assert read(ING, "ing")[0]["amount"] == Decimal("-1012.50")
