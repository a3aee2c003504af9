"""What an answer took: calls, bytes and time; and whether the search came nearer to the root.

Where a call looks is told by its arguments: the services that are named in them. How far that is from the root is the
fewest edges between the two in the graph of calls, whichever way they go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

import networkx as nx
import numpy as np
import polars as pl

from meshquake.truth.reach import faults_of
from meshquake.truth.roots import roots_of

#: The tool that takes the answer: it looks at nothing.
ANSWERING = "submit"
#: Calls about services that it takes to speak of an order.
FEWEST = 3


@dataclass(frozen=True)
class Effort:
    """What an answer took.

    Attributes
    ----------
    calls, errors
        Calls of tools, and how many of them failed.
    bytes, tokens
        Of all that they returned; tokens are estimated.
    seconds
        Simulated time from when users began to feel it to the last call, which submits the answer; negative if that was
        before. None if users felt nothing.
    approach
        Rank correlation (Spearman) between the number of a call and how near to a root it looks, of the calls that look
        at services: 1 if each looks nearer than the one before, 0 for an order that has nothing to do with it, -1 if
        the search goes away from the root. None of fewer than `FEWEST` such calls, if all of them look equally far, or
        if there is no root.
    nearness
        How near they look on average: 1 at a root, 0 as far from it as any service is. None if none looks anywhere.
    nearness_by_chance
        The same for a service that is drawn at random.
    first_at_root
        The number of the first call that looks at a root; None if none does.
    """

    calls: int
    errors: int
    bytes: int
    tokens: int
    seconds: float | None
    approach: float | None
    nearness: float | None
    nearness_by_chance: float | None
    first_at_root: int | None

    def as_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)


def distances(truth: Mapping[str, Any], calls: Iterable[tuple[str, str]]) -> dict[str, int]:
    """How far each service is from the nearest root, in edges; without services from which no way leads to one.

    Parameters
    ----------
    truth
        The answer key.
    calls
        Who calls whom.
    """
    graph: nx.Graph[str] = nx.Graph()
    graph.add_nodes_from(truth["services"])
    graph.add_edges_from(sorted(calls))
    roots = roots_of(faults_of(truth, latent=False))
    sources = {name for root in roots for name in root.services if name in graph}
    if not sources:
        return {}
    return {name: round(far) for name, far in nx.multi_source_dijkstra_path_length(graph, sources, weight=None).items()}


def effort(audit: Sequence[Mapping[str, Any]], far: Mapping[str, int], felt: float | None) -> Effort:
    """Count what an answer took.

    Parameters
    ----------
    audit
        The calls, in order, as `audit.ndjson` has them.
    far
        How far services are from the nearest root (`distances`).
    felt
        When users began to feel it, in seconds since the recording began; None if they never did.
    """
    farthest = max(far.values(), default=0)
    looks = [(each["call"], _looks_at(each["arguments"], far)) for each in audit if each["tool"] != ANSWERING]
    looks = [(call, where) for call, where in looks if where]
    near = [1 - fmean(far[name] for name in where) / farthest for _, where in looks] if farthest else []
    at_root = [call for call, where in looks if any(far[name] == 0 for name in where)]
    return Effort(
        calls=len(audit),
        errors=sum(each.get("error") is not None for each in audit),
        bytes=sum(each["bytes"] for each in audit),
        tokens=sum(each["tokens"] for each in audit),
        seconds=audit[-1]["elapsed"] - felt if audit and felt is not None else None,
        approach=_correlation(near),
        nearness=fmean(near) if near else None,
        nearness_by_chance=1 - fmean(far.values()) / farthest if farthest else None,
        first_at_root=at_root[0] if at_root else None,
    )


def _looks_at(arguments: Any, far: Mapping[str, int]) -> list[str]:
    """The services that are named in the arguments of a call."""
    return sorted({text for text in _texts(arguments) if text in far})


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _correlation(near: Sequence[float]) -> float | None:
    """The rank correlation of values with their order; None where there is none."""
    if len(near) < FEWEST or len(set(near)) == 1:
        return None
    return float(np.corrcoef(np.arange(len(near)), pl.Series(near).rank())[0, 1])
