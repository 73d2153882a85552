import io

import pytest

from uploads.store import TooLarge, save


def test_saves_everything(tmp_path):
    data = b"x" * 600_000
    size, _ = save(io.BytesIO(data), tmp_path / "f")
    assert size == len(data)
    assert (tmp_path / "f").read_bytes() == data


def test_leaves_nothing_behind_when_too_large(tmp_path):
    with pytest.raises(TooLarge):
        save(io.BytesIO(b"x" * 11), tmp_path / "f", limit=10)
    assert list(tmp_path.iterdir()) == []
