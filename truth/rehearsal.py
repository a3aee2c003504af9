"""A run and its twins, inspected before anything is written: what was played then is not played again.

The raw output (rows, readings, verdicts) is set aside, a few megabytes for each minute. Records are made of it only
once they are asked for.
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
    """Plays a simulation and its twins as far as needed for a look, and later to the end.

    Parameters
    ----------
    simulation
        The run, not played yet.
    folder
        Folder for temporary files; None for the system's default.

    Attributes
    ----------
    twins
        The run and its twins, as far as they have been played.
    """

    def __init__(self, simulation: Simulation, folder: Path | None = None) -> None:
        # Nothing here refers to this object, so it goes, with its files, with the last reference to it.
        self._verdicts = verdicts = _Verdicts()
        self.twins = Twins(simulation, verdicts.take, folder)
        self._cuts = self.twins.cuts()
        self._aside: deque[Cut] = deque()

    def look(self) -> Iterator[Cut]:
        """Play on, piece by piece, and set the output aside."""
        for cut in self._cuts:
            self._aside.append(cut)
            yield cut

    def batches(self, on_verdicts: Callable[[pl.DataFrame], None]) -> Iterator[Batch]:
        """The records of the whole run, once, as `Twins.batches` gives them.

        Parameters
        ----------
        on_verdicts
            Called with verdict records, in order of arrival; first with those that were set aside.
        """
        self._verdicts.pass_on(on_verdicts)
        return self.twins.simulation.records(self._rest())

    def close(self) -> None:
        """Stop playing, and forget what was played."""
        self.twins.close()
        self._aside.clear()

    def _rest(self) -> Iterator[Cut]:
        while self._aside:
            yield self._aside.popleft()
        yield from self._cuts


class _Verdicts:
    """Sets verdict records aside until they are asked for."""

    def __init__(self) -> None:
        self._aside: list[pl.DataFrame] = []
        #: Receives them then.
        self._on_verdicts = self._aside.append

    def take(self, verdicts: pl.DataFrame) -> None:
        self._on_verdicts(verdicts)

    def pass_on(self, on_verdicts: Callable[[pl.DataFrame], None]) -> None:
        for each in self._aside:
            on_verdicts(each)
        self._aside.clear()
        self._on_verdicts = on_verdicts
