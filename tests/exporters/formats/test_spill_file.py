"""Texts that arrive mixed come out one by one."""

import pytest

from meshquake.exporters.formats import spill_file as parts
from meshquake.exporters.formats.spill_file import SpillFile


@pytest.mark.parametrize("waiting", [1, 7, 1000])
def test_each_text_is_whole_and_in_its_order_however_little_waits_in_memory(waiting, tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "_WAITING", waiting)
    mixed = SpillFile(tmp_path)
    for number in range(20):
        for key in "ab" if number % 3 else "abc":
            mixed.add(key, f"{key}{number} ".encode())
    texts = {key: b"".join(mixed.text(key)).decode().split() for key in "abc"}
    assert texts == {key: [f"{key}{n}" for n in range(0, 20, 3 if key == "c" else 1)] for key in "abc"}
    assert "c" in mixed and "d" not in mixed
    mixed.close()
    mixed.close()
    assert list(tmp_path.iterdir()) == []
