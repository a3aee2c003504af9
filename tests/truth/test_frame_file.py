"""Spilled frames are read back unchanged."""

import polars as pl
from polars.testing import assert_frame_equal

from meshquake.truth.frame_file import FrameFile


def test_frames_come_out_in_their_order_as_often_as_one_asks_and_empty_ones_not_at_all(tmp_path):
    columns = {"at": pl.String, "code": pl.Int64, "took": pl.Float64}
    frames = [
        pl.DataFrame({"at": ["10:31", "10:32"], "code": [500, None], "took": [0.1 + 0.2, 1e-300]}, columns),
        pl.DataFrame(
            {"at": [], "code": [], "took": []}, schema={"at": pl.String, "code": pl.Int64, "took": pl.Float64}
        ),
        pl.DataFrame({"at": [None], "code": [404], "took": [float("inf")]}, columns),
    ]
    file = FrameFile(tmp_path)
    for each in frames:
        file.add(each)
    for _ in range(2):
        found = list(file.frames())
        assert len(found) == 2
        assert_frame_equal(found[0], frames[0])
        assert_frame_equal(found[1], frames[2])
    del file
    assert list(tmp_path.iterdir()) == []
