"""The outcome of each request, and what it would have been: the same request, by number, in several runs.

The comparison is exact: the same request has the same address in every run of a seed, and so the same draws
(`sim.engine.tape`). A request is bad if it failed or took longer than users were promised. A bad request that would
have been good without the faults is harmed; a good one that would have been bad is spared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from meshquake.sim.telemetry.ids import Words, hexadecimal
from meshquake.sim.telemetry.tables import ERROR_NAMES, Tables, microseconds
from meshquake.sim.telemetry.texts import lookup, names
from meshquake.topology.spec import Objective
from meshquake.truth.objective import Mask, is_bad, is_failed
from meshquake.truth.watch import Requests

OUTCOMES = names(["success", *ERROR_NAMES[1:], None])
EFFECTS = names(["failed", "slowed", "spared", None])
FAILED, SLOWED, SPARED, NONE = 0, 1, 2, -1
#: The polars schema of verdict records.
SCHEMA = pl.Schema(
    [
        ("trace_id", pl.String()),
        ("timestamp", pl.String()),
        ("entry", pl.String()),
        ("outcome", pl.String()),
        ("duration_ms", pl.Float64()),
        ("twin_outcome", pl.String()),
        ("twin_duration_ms", pl.Float64()),
        ("effect", pl.String()),
        ("caused_by", pl.List(pl.String())),
        ("entered_at", pl.String()),
    ]
)


@dataclass(frozen=True)
class Verdicts:
    """Verdicts on some requests, in order of arrival: arrays with one element per request.

    `twin` is each request's position in the twin (-1 if it is not made there); `effect` is one of the codes above. The
    others have one column per fault: `causes`, whether it made the difference; `decisive`, whether it did so alone;
    `kept`, whether a good request would have been bad without it.
    """

    fact: Requests
    other: Requests
    twin: NDArray[np.int64]
    bad: Mask
    twin_bad: Mask
    effect: NDArray[np.int64]
    causes: Mask
    decisive: Mask
    kept: Mask

    @property
    def harmed(self) -> Mask:
        """Which requests are bad and would have been good."""
        return self.bad & ~self.twin_bad

    @property
    def changed(self) -> Words:
        """The words of the requests that are good in one run and bad in the other."""
        words: Words = self.fact.words[self.effect != NONE]
        return words

    def frame(self, tables: Tables, entries: pl.Series, faults: list[str], entered: dict[int, int]) -> pl.DataFrame:
        """Verdict records.

        Parameters
        ----------
        tables
            The tables of the run as it was.
        entries
            The names of entry operations.
        faults
            The ids of the faults, in the order of the columns of `causes`.
        entered
            By a request's word, the span (its word) in which a fault's effect entered it.
        """
        fact, there = self.fact, self.twin >= 0
        twin_outcome, twin_duration = np.full(len(fact), -1), np.full(len(fact), np.nan)
        twin_outcome[there] = self.other.rows["outcome"][self.twin[there]]
        twin_duration[there] = _ms(self.other)[self.twin[there]]
        spans = np.array([entered.get(word, 0) for word in fact.words.tolist()], dtype=np.uint64)
        return pl.select(
            trace_id=hexadecimal(fact.high, fact.words),
            timestamp=tables.iso(microseconds(fact.rows["sent"])),
            entry=lookup(entries, fact.entry),
            outcome=lookup(OUTCOMES, fact.rows["outcome"]),
            duration_ms=pl.Series(_ms(fact)),
            twin_outcome=lookup(OUTCOMES, twin_outcome),
            twin_duration_ms=pl.Series(twin_duration).fill_nan(None),
            effect=lookup(EFFECTS, self.effect),
            caused_by=pl.Series(
                [[faults[i] for i in np.flatnonzero(row)] for row in self.causes], dtype=pl.List(pl.String)
            ),
            entered_at=pl.when(pl.lit(pl.Series(spans > 0))).then(hexadecimal(spans)),
        )


def _ms(requests: Requests) -> NDArray[np.float64]:
    """Durations in milliseconds, to the microsecond, like those of spans."""
    rows = requests.rows
    milliseconds: NDArray[np.float64] = (microseconds(rows["finished"]) - microseconds(rows["arrived"])) / 1000.0
    return milliseconds


def judge(
    fact: Requests,
    twin: Requests,
    without: Sequence[Requests],
    alone: Callable[[], Sequence[Requests]],
    begins: Sequence[float],
    objective: Objective,
) -> Verdicts:
    """Compare the outcomes of some requests with those in other runs.

    A fault made the difference to a request if removing that fault alone makes the request go well. Removing a surge
    may remove the request itself, which says nothing about why it went wrong: an additional request that met another
    fault was harmed by that fault.

    If no single removal helps, the harm is over-determined, and every fault that is enough alone is a cause. If none
    is, it takes several, and there are more than enough: then all that had begun are causes. With three faults these
    are indeed all three, since any two are enough; with more it is an upper bound.

    Parameters
    ----------
    fact, twin
        The requests as they were, and without any fault.
    without
        The same without each fault alone.
    alone
        Returns the same with each fault alone; called only if it matters.
    begins
        When each fault begins, in simulated seconds.
    objective
        Separates good requests from bad.
    """
    bad = is_bad(fact, objective)
    place, twin_bad = _counterpart(fact, twin, objective)
    effect = np.full(len(fact), NONE, dtype=np.int64)
    effect[bad & ~twin_bad] = np.where(is_failed(fact), FAILED, SLOWED)[bad & ~twin_bad]
    effect[~bad & twin_bad] = SPARED
    changed = (effect != NONE)[:, None]
    made, turned = _turned(fact, bad, without, objective)
    kept = made & turned & ~bad[:, None]
    decisive = made & turned & changed
    unclear = changed & ~decisive.any(axis=1, keepdims=True)
    causes = decisive
    if unclear.any():
        there, turned = _turned(fact, bad, alone(), objective)
        enough = unclear & there & ~turned
        # An additional request that goes wrong with nothing else at fault was harmed by the fault that brought it.
        decisive = decisive | (enough & ~made)
        causes = decisive | enough
        rest = unclear & ~causes.any(axis=1, keepdims=True)
        causes = causes | (rest & made & (fact.rows["finished"][:, None] >= np.array(begins)))
    return Verdicts(fact, twin, place, bad, twin_bad, effect, causes, decisive, kept)


def _turned(fact: Requests, bad: Mask, others: Sequence[Requests], objective: Objective) -> tuple[Mask, Mask]:
    """Whether each request is made in other runs, and whether it is good there and bad here, or the other way round.

    One column per run.
    """
    made, turned = (np.zeros((len(fact), len(others)), dtype=bool) for _ in range(2))
    for column, other in enumerate(others):
        place, there = _counterpart(fact, other, objective)
        made[:, column], turned[:, column] = place >= 0, there != bad
    return made, turned


def _counterpart(fact: Requests, other: Requests, objective: Objective) -> tuple[NDArray[np.int64], Mask]:
    """Each request's position in another run, and whether it is bad there; one that is not made is not bad."""
    place = other.find(fact.words)
    bad = np.zeros(len(fact), dtype=bool)
    there = place >= 0
    bad[there] = is_bad(other, objective)[place[there]]
    return place, bad
