"""Spilled samples are read back unchanged, however few are buffered in memory."""

import numpy as np
import pytest

from meshquake.sim.telemetry.sampling.series import Samples, Series
from meshquake.truth import sample_file
from meshquake.truth.sample_file import SampleFile

NAN = np.nan
A, B, C = (Series("web", "cpu_usage", f"web-{index}") for index in range(3))


@pytest.fixture(params=[1, 50, 2**20], ids=lambda size: f"{size} bytes wait")
def file(request, monkeypatch, tmp_path):
    monkeypatch.setattr(sample_file, "PIECE", request.param)
    return SampleFile(tmp_path)


def test_samples_that_follow_each_other_are_joined_by_name(file):
    file.add(Samples((A, B), np.array([[1.0, 2.0]])))
    file.add(Samples((), np.zeros((0, 0))))
    file.add(Samples((B, C), np.array([[3.0, 4.0], [5.0, 6.0]])))
    assert len(file) == 3
    np.testing.assert_array_equal(file.of((A, B, C)), [[1, 2, NAN], [NAN, 3, 4], [NAN, 5, 6]])
    np.testing.assert_array_equal(file.of((C, A)), [[NAN, 1], [4, NAN], [6, NAN]])


def test_a_series_that_never_was_is_nan_throughout(file):
    file.add(Samples((A,), np.array([[1.0], [2.0]])))
    np.testing.assert_array_equal(file.of((B, A)), [[NAN, 1], [NAN, 2]])
    np.testing.assert_array_equal(file.of((B,)), [[NAN], [NAN]])
    assert file.of(()).shape == (2, 0)


def test_whatever_comes_in_whatever_pieces_is_given_again(file):
    random = np.random.default_rng(1)
    series = [Series("web", f"metric-{number}") for number in range(20)]
    expected = np.full((200, 20), NAN)
    row = 0
    while row < 200:
        rows, columns = min(random.integers(1, 9), 200 - row), random.permutation(20)[: random.integers(1, 21)]
        values = random.random((rows, len(columns)))
        file.add(Samples(tuple(series[column] for column in columns), values))
        expected[row : row + rows, columns] = values
        row += rows
    np.testing.assert_array_equal(file.of(series), expected)
    groups = list(file.groups(200))
    assert {each for group in groups for each in group} == set(series)
    for group in groups:
        assert len(group) == 1 or len(group) * 200 * 8 <= sample_file.PIECE
        np.testing.assert_array_equal(file.of(group), expected[:, [series.index(each) for each in group]])


def test_of_no_samples_there_are_none():
    assert (len(SampleFile()), list(SampleFile().groups(0)), SampleFile().of((A,)).shape) == (0, [], (0, 1))
