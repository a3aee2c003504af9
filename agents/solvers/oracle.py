"""Look at everything recorded of every bad request: about the best that can be found without the key.

It reads the records themselves, without the limit of a page. If it fails, the recording hardly shows what was wrong.
If traces are withheld it falls back to metrics, as `agents.solvers.baro`.
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

#: Most bad requests to look at, and the share of them that must have passed an edge for it to count.
_MOST, _SHARE = 600, 0.02
#: A further service is a root too if it is to blame for this share of bad requests, and for this many.
_ALSO, _FEW = 0.2, 5
#: Spans cited for each claim.
_CITED = 4
_SPANS = (
    *("trace_id", "span_id", "parent_span_id", "service", "operation", "kind", "peer", "error_type", "duration_ms"),
    *("at", "replica", "version"),
)


def oracle(incident: Incident) -> Diagnosis | None:
    """Find the service to blame for each bad request, and name those blamed most, beyond the usual noise."""
    view = incident.view
    if not view.shows(TRACE.name):
        return baro(incident)
    found = stretches(incident)
    if found is None:
        return None
    usual = _usual(view, found)
    bad = unlocked(_blamed(view, _bad(view, found.onset, found.end), usual))
    before = _blamed(view, _bad(view, 0.0, found.calm), usual)
    # Blame from before the onset is the usual noise, scaled to the length of the incident.
    scale = (found.end - found.onset) / found.calm
    noise = Counter(each.service for each in before)
    excess = {service: count - scale * noise[service] for service, count in Counter(e.service for e in bad).items()}
    ranked = sorted(excess, key=lambda service: (-excess[service], service))
    least = _ALSO * sum(max(0.0, each) for each in excess.values())
    roots = ranked[:1] + [service for service in ranked[1:] if excess[service] >= max(least, _FEW)]
    return _told(roots, [each for each in bad if each.service in roots])


def _told(roots: Sequence[str], own: Sequence[Blame]) -> Diagnosis:
    """Summarise the requests for which the roots are to blame."""
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
    """Cite some of the spans, evenly spread."""
    chosen = [spans[place * len(spans) // _CITED] for place in range(_CITED)]
    return list(dict.fromkeys(span_id(span["trace_id"], span["span_id"]) for span in chosen))


def _usual(view: View, found: Stretches) -> Usual:
    """Measure the usual durations of spans in the calm period."""
    calm = view.spans.filter(pl.col("at") < found.calm * 1e6, pl.col("kind") != "internal")
    keys = ("service", "operation", "kind")
    medians = calm.group_by(*keys).agg(pl.col("duration_ms").quantile(0.75))
    return Usual({(service, name, kind): value for service, name, kind, value in medians.iter_rows()})


def _bad(view: View, since: float, until: float) -> pl.DataFrame:
    """Select the requests of a period that failed or exceeded the latency SLO, evenly thinned if there are many."""
    failed = (pl.col("status") != "success") | (pl.col("duration_ms") > view.objective.within * 1000)
    bad = view.requests.filter(pl.col("end").is_between(since * 1e6, until * 1e6), failed)
    return bad.gather_every(max(1, len(bad) // _MOST))


def _blamed(view: View, requests: pl.DataFrame, usual: Usual) -> list[Blame]:
    """Find the service to blame for each request."""
    spans = view.spans.filter(pl.col("trace_id").is_in(requests["trace_id"].to_list())).select(_SPANS)
    traces = spans.partition_by("trace_id", maintain_order=True)
    return [each for trace in traces if (each := blame(trace.to_dicts(), usual)) is not None]
