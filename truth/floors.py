"""What a diagnosis must beat: three ways to name a root cause that take no thought."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import comb

import networkx as nx
import polars as pl

#: An error share below this is as good as none: what a service's share of errors is compared to is at least so much.
_QUIET = 0.01
#: The shortest latency that is told apart from none, in milliseconds.
_INSTANT = 0.001


@dataclass(frozen=True)
class Floors:
    """The rankings of services, best guess first, that take a look at the telemetry but no thought.

    Attributes
    ----------
    central
        Always the most central service (`centrality`).
    worst_symptom
        The loudest service (`symptoms`).
    """

    central: tuple[str, ...]
    worst_symptom: tuple[str, ...]


def floors(traces: pl.DataFrame | pl.LazyFrame, since: str) -> Floors:
    """Rank the services of some traces in both ways; parameters are those of `symptoms`."""
    central, loudest = centrality(traces), symptoms(traces, since)
    return Floors(tuple(name for name, _ in central), tuple(name for name, _ in loudest))


def chance(meanings: Sequence[Sequence[int]], services: int, depth: int) -> list[float]:
    """The accuracy that services in random order are expected to have.

    It's the mean over all orders, marked as an answer is: a service that is drawn finds the first of its roots that no
    other has found, and takes no rank if there's none left.

    Parameters
    ----------
    meanings
        For each service that stands for roots, these by number, in the order in which it's taken for them.
    services
        Number of services to choose from.
    depth
        How many ranks.

    Returns
    -------
    list of float
        The expected AC@k for k from 1 to `depth`.
    """
    roots = len({root for meaning in meanings for root in meaning})
    right, wrong = len(meanings), services - len(meanings)
    expected = [0.0] * depth
    #: What is left to draw that means something, and how many roots were found, with the probability of both.
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
                # It's a guess after those that were right and those that were wrong.
                for before in range(min(depth - hits - 1, wrong) + 1):
                    ways = comb(before + drawn - 1, before) * comb(wrong - before + right - drawn, wrong - before)
                    for rank in range(hits + before, depth):
                        expected[rank] += share * ways / comb(services, right)
        states = dict(following)
    return [found / min(k, roots) for k, found in enumerate(expected, start=1)]


def _alike(meanings: Iterable[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    """Meanings in order, with roots numbered anew: the same for many that differ in nothing else."""
    numbers: dict[int, int] = {}
    ordered = sorted(meanings, key=lambda meaning: (len(meaning), tuple(meaning)))
    return tuple(sorted(tuple(numbers.setdefault(root, len(numbers)) for root in meaning) for meaning in ordered))


def centrality(traces: pl.DataFrame | pl.LazyFrame) -> list[tuple[str, float]]:
    """How central each service is in the graph of calls, most central first, ties by name.

    This is PageRank from callers to callees: where one who follows calls ends up most often. Of the usual measures it
    makes the strongest guess that is always the same, since failures travel the other way, from a callee to all who
    depend on it. Betweenness favours what lies in the middle, and gives nothing to a database, which calls nobody.

    Parameters
    ----------
    traces
        Spans, as trace records have them.

    References
    ----------
    L. Page, S. Brin, R. Motwani, T. Winograd: The PageRank Citation Ranking, Stanford InfoLab 1999-66.
    """
    spans = traces.lazy().select("service", "kind", "peer")
    calls = spans.filter(kind="client").select("service", "peer").drop_nulls().unique().sort("service", "peer")
    names = spans.select(pl.col("service").unique().sort())
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(names.collect()["service"])
    graph.add_edges_from(calls.collect().iter_rows())
    if not graph:
        return []
    # Rounded, or services that are alike would be told apart by how their sums were rounded.
    ranks = {name: round(rank, 6) for name, rank in nx.pagerank(graph).items()}
    return sorted(ranks.items(), key=lambda item: (-item[1], item[0]))


def symptoms(traces: pl.DataFrame | pl.LazyFrame, since: str) -> list[tuple[str, float]]:
    """How loud each service's symptoms are, loudest first, ties by name.

    A service is as loud as its share of errors or its p95 latency has grown, whichever grew more: 1 for unchanged, 10
    for tenfold. Two stretches of the same length are compared: the first half of what was recorded before `since`
    (trouble begins before users feel it, so that the second half may be part of it), and as long a time from `since`
    on. Whatever a service had no requests in counts as unchanged.

    Parameters
    ----------
    traces
        Spans, as trace records have them; server spans are looked at.
    since
        When users began to feel it, as records write a moment.

    Returns
    -------
    list of (str, float)
        Each service that has a server span, and its loudness.
    """
    # A long run has more spans than memory should hold: only the two stretches are kept.
    spans = traces.lazy().filter(kind="server").select("timestamp", "service", "duration_ms", "status")
    known = spans.group_by("service").agg(pl.col("timestamp").min()).collect(engine="streaming")
    if not len(known):
        return []
    start, onset = datetime.fromisoformat(str(known["timestamp"].min())), datetime.fromisoformat(since)
    stretch = (onset - start) / 2
    before, after = (
        _state(spans.filter(_between(begin, begin + stretch))).collect(engine="streaming") for begin in (start, onset)
    )
    both = known.select("service").join(before, on="service", how="left")
    both = both.join(after, on="service", how="left", suffix="_after")
    loudness = pl.max_horizontal(
        (pl.col("errors_after") + _QUIET) / (pl.col("errors") + _QUIET),
        pl.col("p95_after").clip(_INSTANT) / pl.col("p95").clip(_INSTANT),
    ).fill_null(1.0)
    ranked = both.select("service", loudness=loudness).sort("loudness", "service", descending=[True, False])
    return list(ranked.iter_rows())


def _between(begin: datetime, end: datetime) -> pl.Expr:
    """Whether a span started in a stretch of time; moments in records are in order as texts."""
    first, last = (moment.isoformat(timespec="microseconds") for moment in (begin, end))
    return pl.col("timestamp").is_between(pl.lit(first), pl.lit(last), closed="left")


def _state(spans: pl.LazyFrame) -> pl.LazyFrame:
    """The share of errors and the p95 latency of each service."""
    return spans.group_by("service").agg(
        errors=(pl.col("status") == "error").mean(), p95=pl.col("duration_ms").quantile(0.95, "nearest")
    )
