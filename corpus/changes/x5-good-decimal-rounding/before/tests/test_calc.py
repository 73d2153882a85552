from interest.calc import interest


def test_interest():
    assert interest(1000.0, 3.65, 10) == 1.0
