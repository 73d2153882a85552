import pytest

from snap.store import Store


def test_round_trip(tmp_path):
    store = Store(tmp_path)
    name = store.save({"city": "Köln", "sizes": [1, 2]})
    assert store.names() == [name]
    assert store.load(name) == {"city": "Köln", "sizes": [1, 2]}


def test_unknown_name(tmp_path):
    with pytest.raises(KeyError):
        Store(tmp_path).load("../secret")
