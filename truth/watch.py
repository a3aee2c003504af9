"""Follows one run for the answer key: the calls of finished requests, and its metrics second by second."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meshquake.sim.engine.call import ROW
from meshquake.sim.simulation import Simulation
from meshquake.sim.telemetry.ids import Words, span_words
from meshquake.sim.telemetry.recorder import Cut
from meshquake.sim.telemetry.sampling.series import Series
from meshquake.sim.telemetry.spans.spans import ids, trace_words
from meshquake.sim.telemetry.tables import Floats, Tables
from meshquake.truth.calls import Half
from meshquake.truth.meter import Meter
from meshquake.truth.sample_file import SampleFile

#: A table of packed rows (`sim.engine.call.ROW`).
Rows = NDArray[Any]


class Watch:
    """Follows a simulation that has not been played yet.

    Parameters
    ----------
    simulation
        The run.
    recorded
        Whether records are made of it too.
    sampled
        Whether its metrics are sampled.
    wanted
        Which series are kept; None for all.
    folder
        Folder for a temporary file; None for the system's default.

    Attributes
    ----------
    tables
        Names and positions that the run's rows refer to.
    samples
        Every sample taken so far, second by second.
    horizon
        Simulated time (seconds) before which every request that came is over.
    cuts
        Plays the run; whoever iterates over it passes each cut to `take`.
    """

    def __init__(
        self,
        simulation: Simulation,
        recorded: bool = False,
        sampled: bool = True,
        wanted: Callable[[Series], bool] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.simulation = simulation
        self.tables = Tables(simulation.mesh, simulation.start)
        self.horizon = 0.0
        if not recorded:
            simulation.hush()
            simulation.samplers = []
        self._meter = Meter(simulation, self.tables, wanted=wanted, folder=folder) if sampled else None
        self.samples = self._meter.samples if self._meter else SampleFile(folder)
        self.cuts = simulation.cuts()
        #: The rows of requests that were not returned yet, as they came. They are joined only when some are asked for:
        #: where nothing is before the end, joining them at each cut would take time quadratic in their number.
        self._pieces: list[Rows] = []

    def spans(self, halves: dict[int, Half]) -> dict[int, int]:
        """The ids (as words) of spans, each given by its request's word and its place in the request."""
        if not halves:
            return {}
        words = np.array(list(halves), dtype=np.uint64)
        site, attempt_path, server = (np.array(column) for column in zip(*halves.values(), strict=True))
        found = span_words(words, self.tables.site_address[site], attempt_path.astype(np.int64), server)
        return dict(zip(halves, found.tolist(), strict=True))

    def span(self, number: int, half: Half) -> tuple[str, str]:
        """The trace id and span id of a span, given the number of its request."""
        site = np.array([half.site])
        high, low, span = ids(
            self.tables, site, np.array([half.attempt_path]), np.array([number]), np.array([half.server], dtype=bool)
        )
        return f"{int(high[0]):016x}{int(low[0]):016x}", f"{int(span[0]):016x}"

    def follow(self, clock: float) -> None:
        """Play on until the simulated time `clock`, or to the end."""
        while self.simulation.mesh.now < clock:
            cut = next(self.cuts, None)
            if cut is None:
                return
            self.take(cut)

    def finish(self) -> None:
        """Play to the end."""
        self.follow(inf)

    def close(self) -> None:
        """Stop playing, and forget what was sampled."""
        self.cuts.close()
        self.samples.close()

    def between(self, start: float, until: float) -> Requests:
        """Play on until the requests that came before `until` are over; returns those that came from `start` on."""
        while self.horizon < until and (cut := next(self.cuts, None)) is not None:
            self.take(cut)
            self.settled(min(start, self.horizon))
        return self.settled(until)

    def take(self, cut: Cut) -> None:
        """Take the output of the run since the cut before."""
        self.horizon = cut.horizon
        self._pieces.append(np.frombuffer(cut.rows, dtype=ROW))
        self.tables.refresh(cut.incarnations)
        if self._meter is not None:
            self._meter.take(cut)

    @property
    def held(self) -> int:
        """How many calls it holds, of requests that were not returned yet."""
        return sum(map(len, self._pieces))

    def settled(self, until: float) -> Requests:
        """The whole requests that came before `until`, which is at most `horizon`; each is returned once."""
        rows = np.concatenate([np.zeros(0, dtype=ROW), *self._pieces])
        _, words = trace_words(self.tables, rows["site"], rows["number"])
        roots = self.tables.site_parent[rows["site"]] < 0
        chosen = np.isin(words, words[roots & (rows["sent"] < until)])
        self._pieces = [rows[~chosen]]
        return Requests(self.tables, rows[chosen], words[chosen])


class Requests:
    """Whole requests of a run, in order of arrival.

    Attributes
    ----------
    rows
        The rows of the users' own calls, one per request.
    words
        The lower half of each request's trace id: the same request has the same one in every run of a seed.
    """

    def __init__(self, tables: Tables, rows: Rows, words: Words) -> None:
        self._tables = tables
        self._rows = rows
        self._words = words
        roots = np.flatnonzero(tables.site_parent[rows["site"]] < 0)
        roots = roots[np.lexsort((words[roots], rows["sent"][roots]))]
        self.rows: Rows = rows[roots]
        self.words = words[roots]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def calls(self) -> Rows:
        """The rows of all calls of the requests, in no particular order."""
        return self._rows

    @property
    def duration(self) -> Floats:
        """How long each request took, in seconds."""
        taken: Floats = self.rows["finished"] - self.rows["sent"]
        return taken

    @property
    def high(self) -> Words:
        """The upper half of each request's trace id."""
        return trace_words(self._tables, self.rows["site"], self.rows["number"])[0]

    @property
    def entry(self) -> NDArray[np.int64]:
        """Position of each request's entry operation in the mix."""
        entry: NDArray[np.int64] = self._tables.site_entry[self.rows["site"]]
        return entry

    def find(self, words: Words) -> NDArray[np.int64]:
        """The positions of requests by their words; -1 where there is none."""
        if not len(self):
            return np.full(len(words), -1, dtype=np.int64)
        order = np.argsort(self.words)
        place = np.minimum(np.searchsorted(self.words, words, sorter=order), len(self) - 1)
        found = order[place]
        return np.where(self.words[found] == words, found, -1)

    def trees(self, words: Words) -> dict[int, list[tuple[Any, ...]]]:
        """All calls of some of the requests, by word: their rows as tuples."""
        chosen = np.flatnonzero(np.isin(self._words, words))
        found: dict[int, list[tuple[Any, ...]]] = {word: [] for word in words.tolist()}
        for word, row in zip(self._words[chosen].tolist(), self._rows[chosen].tolist(), strict=True):
            found[word].append(row)
        return found
