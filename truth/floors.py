"""What a diagnosis must beat: three ways to name a root cause without thinking."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import comb, floor
from pathlib import Path

import networkx as nx
import polars as pl

from meshquake.sim.records import ERRORS_OF_SERVER
from meshquake.truth.ranks import Ranks

#: An error share below this counts as none: it is added to both error shares in a comparison.
_QUIET = 0.01
#: The shortest latency that is distinguished from none, in milliseconds.
_INSTANT = 0.001
#: The columns of spans that loudness is computed from.
HEARD = ("timestamp", "service", "duration_ms", "status", "status_code", "kind")


@dataclass(frozen=True)
class Floors:
    """Rankings of services, best guess first, that take a look at the telemetry but no thought.

    Attributes
    ----------
    central
        Always the most central service (`Calls`).
    worst_symptom
        The loudest service (`Loudness`).
    """

    central: tuple[str, ...]
    worst_symptom: tuple[str, ...]


def floors(traces: Iterable[pl.DataFrame], since: str) -> Floors:
    """Rank the services of some traces both ways.

    Parameters
    ----------
    traces
        Spans with the columns of trace records, piece by piece in time order.
    since
        When users began to feel it, as records write a moment.
    """
    calls, loudness = Calls(), Loudness(since)
    for spans in traces:
        calls.take(spans)
        loudness.take(spans)
    return Floors(*(tuple(name for name, _ in ranked) for ranked in (calls.centrality(), loudness.ranked())))


def chance(meanings: Sequence[Sequence[int]], services: int, depth: int) -> list[float]:
    """The accuracy that services in random order are expected to have.

    This is the mean over all orders, marked like an answer: a drawn service finds the first of its roots that no other
    has found, and takes no rank if none is left.

    Parameters
    ----------
    meanings
        For each service that stands for roots, the numbers of these, in the order in which it is taken for them.
    services
        Number of services to choose from.
    depth
        Number of ranks.

    Returns
    -------
    list of float
        The expected AC@k for k from 1 to `depth`.
    """
    roots = len({root for meaning in meanings for root in meaning})
    right, wrong = len(meanings), services - len(meanings)
    expected = [0.0] * depth
    #: The meaningful services left to draw and the number of roots found, with the probability of both.
    states = {(_alike(meanings), 0): 1.0}
    for drawn in range(1, right + 1):
        following: defaultdict[tuple[tuple[tuple[int, ...], ...], int], float] = defaultdict(float)
        for (left, hits), probability in states.items():
            for meaning, count in Counter(left).items():
                share = probability * count / len(left)
                rest = list(left)
                rest.remove(meaning)
                if not meaning:
                    following[_alike(rest), hits] += share
                    continue
                following[_alike([[root for root in other if root != meaning[0]] for other in rest]), hits + 1] += share
                # This guess comes after those that were right and those that were wrong.
                for before in range(min(depth - hits - 1, wrong) + 1):
                    ways = comb(before + drawn - 1, before) * comb(wrong - before + right - drawn, wrong - before)
                    for rank in range(hits + before, depth):
                        expected[rank] += share * ways / comb(services, right)
        states = dict(following)
    return [found / min(k, roots) for k, found in enumerate(expected, start=1)]


def _alike(meanings: Iterable[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    """Meanings in order, with roots renumbered: the same for many that differ only in numbers."""
    numbers: dict[int, int] = {}
    ordered = sorted(meanings, key=lambda meaning: (len(meaning), tuple(meaning)))
    return tuple(sorted(tuple(numbers.setdefault(root, len(numbers)) for root in meaning) for meaning in ordered))


class Calls:
    """The call graph, from spans that come piece by piece."""

    def __init__(self) -> None:
        self._services: set[str] = set()
        self._calls: set[tuple[str, str]] = set()

    def take(self, spans: pl.DataFrame) -> None:
        """Take some spans into account, with the columns of trace records."""
        self._services.update(spans["service"].unique())
        calls = spans.filter(kind="client").select("service", "peer").drop_nulls().unique()
        self._calls.update(calls.iter_rows())

    @property
    def edges(self) -> frozenset[tuple[str, str]]:
        """Each pair of caller and callee."""
        return frozenset(self._calls)

    def centrality(self) -> list[tuple[str, float]]:
        """How central each service is in the call graph, most central first, ties by name.

        This is PageRank from callers to callees: where a random walk along calls ends up most often. Of the usual
        measures it makes the strongest fixed guess, since failures travel the other way, from a callee to all that
        depend on it. Betweenness favours the middle of the graph, and gives nothing to a database, which calls nobody.

        References
        ----------
        L. Page, S. Brin, R. Motwani, T. Winograd: The PageRank Citation Ranking, Stanford InfoLab 1999-66.
        """
        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from(sorted(self._services))
        graph.add_edges_from(sorted(self._calls))
        if not graph:
            return []
        # Rounded, or rounding errors of sums would order services that are alike.
        ranks = {name: round(rank, 6) for name, rank in nx.pagerank(graph).items()}
        return sorted(ranks.items(), key=lambda item: (-item[1], item[0]))


@dataclass
class _Stretch:
    """A stretch of time, with bounds in the format of records, and the requests and errors in it by service."""

    begin: str
    end: str
    requests: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)


class Loudness:
    """How loud each service's symptoms are, from spans that come piece by piece in time order.

    The loudness of a service is the factor by which its share of errors or its p95 latency has grown, whichever grew
    more: 1 for unchanged, 10 for tenfold. Two stretches of the same length are compared: the first half of the
    recording before `since` (trouble begins before users feel it, so the second half may be part of it), and as long a
    time from `since` on. A service without requests in either of them counts as unchanged.

    Parameters
    ----------
    since
        When users began to feel it, as records write a moment.
    folder
        Folder for a temporary file; None for the system's default.
    """

    def __init__(self, since: str, folder: Path | None = None) -> None:
        self._since = since
        self._services: set[str] = set()
        #: Before and after; none until the first server span tells when the recording began.
        self._stretches: tuple[_Stretch, ...] = ()
        self._durations = Ranks(folder)

    def take(self, spans: pl.DataFrame) -> None:
        """Take some spans into account, with the columns of trace records; only server spans count."""
        spans = spans.filter(kind="server")
        if not len(spans):
            return
        self._services.update(spans["service"].unique())
        self._stretches = self._stretches or _stretches(str(spans["timestamp"].min()), self._since)
        for stretch in self._stretches:
            within = spans.filter(pl.col("timestamp") >= stretch.begin, pl.col("timestamp") < stretch.end)
            for (name,), own in within.partition_by("service", as_dict=True).items():
                stretch.requests[name] += len(own)
                stretch.errors[name] += own.select(ERRORS_OF_SERVER.sum()).item()
                self._durations.add((stretch.begin, name), own["duration_ms"].to_numpy())

    def ranked(self) -> list[tuple[str, float]]:
        """Each service with a server span, and its loudness; loudest first, ties by name."""
        loudness = {name: self._of(name) for name in sorted(self._services)}
        return sorted(loudness.items(), key=lambda item: -item[1])

    def _of(self, service: str) -> float:
        if not all(stretch.requests[service] for stretch in self._stretches):
            return 1.0
        (errors, slow), (errors_after, slow_after) = (self._state(service, stretch) for stretch in self._stretches)
        return max((errors_after + _QUIET) / (errors + _QUIET), max(slow_after, _INSTANT) / max(slow, _INSTANT))

    def _state(self, service: str, stretch: _Stretch) -> tuple[float, float]:
        """The share of errors and the p95 latency of a service."""
        count = stretch.requests[service]
        rank = floor(0.95 * (count - 1) + 0.5)
        return stretch.errors[service] / count, self._durations.at((stretch.begin, service), rank)


def _stretches(start: str, since: str) -> tuple[_Stretch, _Stretch]:
    """The two stretches to compare in a recording that began at `start`; timestamps in records sort as texts."""
    begin, onset = datetime.fromisoformat(start), datetime.fromisoformat(since)
    length = (onset - begin) / 2
    return _stretch(begin, length), _stretch(onset, length)


def _stretch(begin: datetime, length: timedelta) -> _Stretch:
    return _Stretch(begin.isoformat(timespec="microseconds"), (begin + length).isoformat(timespec="microseconds"))
