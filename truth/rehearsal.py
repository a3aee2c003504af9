"""A run and its twins that are looked at before anything is written of them: what was played then isn't played again.

What a look leaves is set aside as it is (rows, readings, verdicts), a few megabytes for each minute. No records are
made of it until it's clear that somebody wants them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from meshquake.sim.records import Batch
from meshquake.sim.simulation import Simulation
from meshquake.sim.telemetry.recorder import Cut
from meshquake.truth.twins import Twins


class Rehearsal:
    """Plays a simulation and its twins as far as somebody looks, and then to the end.

    Parameters
    ----------
    simulation
        The run, not played yet.
    folder
        Where temporary files may lie; None for where such files lie on this machine.

    Attributes
    ----------
    twins
        The run and its twins, as far as they were played.
    """

    def __init__(self, simulation: Simulation, folder: Path | None = None) -> None:
        # Nothing here refers to this object: it goes, with its files, when nobody refers to it any more.
        self._verdicts = verdicts = _Verdicts()
        self.twins = Twins(simulation, verdicts.take, folder)
        self._cuts = self.twins.cuts()
        self._aside: deque[Cut] = deque()

    def look(self) -> Iterator[Cut]:
        """Play on, piece by piece, and set aside what comes."""
        for cut in self._cuts:
            self._aside.append(cut)
            yield cut

    def batches(self, on_verdicts: Callable[[pl.DataFrame], None]) -> Iterator[Batch]:
        """The records of the whole run, once, as `Twins.batches` gives them.

        Parameters
        ----------
        on_verdicts
            Hears of verdict records, in order of arrival; of those that were set aside first.
        """
        self._verdicts.pass_on(on_verdicts)
        return self.twins.simulation.records(self._rest())

    def close(self) -> None:
        """Play no further, and forget what was played."""
        self.twins.close()
        self._aside.clear()

    def _rest(self) -> Iterator[Cut]:
        while self._aside:
            yield self._aside.popleft()
        yield from self._cuts


class _Verdicts:
    """Sets verdict records aside until somebody wants them."""

    def __init__(self) -> None:
        self._aside: list[pl.DataFrame] = []
        #: Takes them.
        self._on_verdicts = self._aside.append

    def take(self, verdicts: pl.DataFrame) -> None:
        self._on_verdicts(verdicts)

    def pass_on(self, on_verdicts: Callable[[pl.DataFrame], None]) -> None:
        for each in self._aside:
            on_verdicts(each)
        self._aside.clear()
        self._on_verdicts = on_verdicts
