import pytest

from fleet.machines import listing


def test_search_is_a_parameter():
    query, params = listing("most-used", "50%")
    assert params == {"search": r"%50\%%"}
    assert query.as_string(None).endswith('ORDER BY "hours" DESC, id LIMIT 100')


def test_unknown_sort():
    with pytest.raises(KeyError):
        listing("1; DROP TABLE machines", None)
