"""Looks at every bad request, at all that was recorded of it: about the best that can be seen without the key.

It reads the records themselves, with no limit of a page. If it fails, what was wrong can hardly be told from this
recording. Where traces are withheld it's left with what metrics tell, as `agents.solvers.baro` is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import polars as pl

from meshquake.agents.incident import Incident
from meshquake.agents.solvers.baro import baro
from meshquake.agents.solvers.blame import Blame, Span, Usual, blame, unlocked
from meshquake.agents.solvers.diagnosis import Diagnosis, Edge
from meshquake.agents.solvers.solver import Stretches, stretches
from meshquake.agents.telemetry import View
from meshquake.sim.records import TRACE
from meshquake.truth.way.citation import span_id

#: Bad requests that are looked at, and the share of them that must have gone by an edge for it to count.
_MOST, _SHARE = 600, 0.02
#: A second service is a root, too, if it is to blame for this share of bad requests, and for so many.
_ALSO, _FEW = 0.2, 5
#: Spans that are cited for each claim.
_CITED = 4
_SPANS = (
    *("trace_id", "span_id", "parent_span_id", "service", "operation", "kind", "peer", "error_type", "duration_ms"),
    *("at", "replica", "version"),
)


def oracle(incident: Incident) -> Diagnosis | None:
    """Blame somebody for each bad request beyond those that are usual, and name who is blamed most."""
    view = incident.view
    if not view.shows(TRACE.name):
        return baro(incident)
    found = stretches(incident)
    if found is None:
        return None
    usual = _usual(view, found)
    bad = unlocked(_blamed(view, _bad(view, found.onset, found.end), usual))
    before = _blamed(view, _bad(view, 0.0, found.calm), usual)
    # What was blamed before it began is the usual noise, for as long a time.
    scale = (found.end - found.onset) / found.calm
    noise = Counter(each.service for each in before)
    excess = {service: count - scale * noise[service] for service, count in Counter(e.service for e in bad).items()}
    ranked = sorted(excess, key=lambda service: (-excess[service], service))
    least = _ALSO * sum(max(0.0, each) for each in excess.values())
    roots = ranked[:1] + [service for service in ranked[1:] if excess[service] >= max(least, _FEW)]
    return _told(roots, [each for each in bad if each.service in roots])


def _told(roots: Sequence[str], own: Sequence[Blame]) -> Diagnosis:
    """What requests have in common for which some services are to blame."""
    by_edge: dict[Edge, list[Span]] = {}
    for each in own:
        for call in each.calls:
            by_edge.setdefault((call["peer"], call["service"]), []).append(call)
    edges = [edge for edge, calls in sorted(by_edge.items()) if len(calls) >= max(2, _SHARE * len(own))]
    evidence: dict[str | Edge, list[str]] = {edge: _cited(by_edge[edge]) for edge in edges}
    for root in roots:
        evidence[root] = _cited([each.last for each in own if each.service == root])
    return Diagnosis(roots, list(dict.fromkeys([*roots, *(caller for _, caller in edges)])), edges, evidence)


def _cited(spans: Sequence[Span]) -> list[str]:
    """Some spans, evenly spread."""
    chosen = [spans[place * len(spans) // _CITED] for place in range(_CITED)]
    return list(dict.fromkeys(span_id(span["trace_id"], span["span_id"]) for span in chosen))


def _usual(view: View, found: Stretches) -> Usual:
    """How long spans took in the calm before."""
    calm = view.spans.filter(pl.col("at") < found.calm * 1e6, pl.col("kind") != "internal")
    keys = ("service", "operation", "kind")
    medians = calm.group_by(*keys).agg(pl.col("duration_ms").quantile(0.75))
    return Usual({(service, name, kind): value for service, name, kind, value in medians.iter_rows()})


def _bad(view: View, since: float, until: float) -> pl.DataFrame:
    """Requests of a stretch that failed or took longer than is promised, evenly spread if they are many."""
    failed = (pl.col("status") != "success") | (pl.col("duration_ms") > view.objective.within * 1000)
    bad = view.requests.filter(pl.col("end").is_between(since * 1e6, until * 1e6), failed)
    return bad.gather_every(max(1, len(bad) // _MOST))


def _blamed(view: View, requests: pl.DataFrame, usual: Usual) -> list[Blame]:
    """Who is to blame for each of some requests."""
    spans = view.spans.filter(pl.col("trace_id").is_in(requests["trace_id"].to_list())).select(_SPANS)
    traces = spans.partition_by("trace_id", maintain_order=True)
    return [each for trace in traces if (each := blame(trace.to_dicts(), usual)) is not None]
