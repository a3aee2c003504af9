"""Pieces that arrive interleaved are read back one by one."""

import pytest

from meshquake.truth import spill_file
from meshquake.truth.spill_file import SpillFile


@pytest.mark.parametrize("waiting", [1, 7, 1000])
def test_each_key_is_whole_and_in_its_order_however_little_waits_in_memory(waiting, tmp_path, monkeypatch):
    monkeypatch.setattr(spill_file, "WAITING", waiting)
    mixed = SpillFile(tmp_path)
    for number in range(20):
        for key in "ab" if number % 3 else "abc":
            mixed.add(key, f"{key}{number} ".encode())
    found = {key: b"".join(mixed.pieces(key)).decode().split() for key in "abc"}
    assert found == {key: [f"{key}{n}" for n in range(0, 20, 3 if key == "c" else 1)] for key in "abc"}
    assert "c" in mixed and "d" not in mixed
    mixed.close()
    mixed.close()
    assert list(tmp_path.iterdir()) == []
