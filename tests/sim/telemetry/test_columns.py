"""Tables of columns: selecting some rows, at once or lazily."""

from dataclasses import dataclass

import numpy as np
import pytest

from meshquake.sim.telemetry.columns import Columns


@dataclass
class Pairs(Columns):
    first: np.ndarray
    second: np.ndarray


def rows(table):
    return list(zip(table.first.tolist(), table.second.tolist(), strict=True))


PAIRS = Pairs(np.arange(6), np.arange(6) * 10)


@pytest.mark.parametrize("chosen", [np.array([4, 1, 1]), np.arange(6) % 2 == 1, np.zeros(0, dtype=np.int64)])
def test_a_view_has_the_rows_that_were_taken(chosen):
    taken, view = PAIRS.where(chosen), PAIRS.view(chosen)
    assert len(view) == len(taken) and rows(view) == rows(taken)
    assert rows(view + PAIRS) == rows(taken + PAIRS)
    assert rows(view.view(np.arange(len(taken))[::-1])) == rows(taken)[::-1]


def test_a_view_takes_a_column_once_it_is_asked_for_and_no_other():
    view = PAIRS.view(np.array([2]))
    assert view.second is view.second
    assert "first" not in vars(view)
    with pytest.raises(AttributeError, match="Pairs has no third"):
        view.third  # noqa: B018
