"""Follow degraded calls breadth-first, service by service, starting from the users."""

from __future__ import annotations

from meshquake.agents.incident import Incident
from meshquake.agents.solvers.diagnosis import Diagnosis, Edge
from meshquake.agents.solvers.solver import Stretches, stretches

#: Thresholds at which a call counts as degraded: rise of the share of errors, and factor of its latency.
_ERRORS, _TIMES = 0.03, 2.5
#: Latencies below this, in milliseconds, count as this.
_QUICK = 5.0


def breadth_first(incident: Incident) -> Diagnosis | None:
    """Look at the calls of each service, and go on with those that have degraded."""
    found = stretches(incident)
    if found is None:
        return None
    told = incident.call("get_dependency_graph", limit=200)
    entries = [each.partition(".")[0] for each in (told["users_call"] or "").split(", ") if each]
    reached = dict.fromkeys(entries or [told["rows"][0][0]], 0.0)
    edges: dict[Edge, str] = {}
    last: dict[str, float] = {}
    queue = list(reached)
    while queue:
        caller = queue.pop(0)
        bad = _gone_bad(incident, caller, found)
        if not bad:
            last[caller] = reached[caller]
        for callee, how in sorted(bad.items(), key=lambda item: (-item[1], item[0])):
            edges.setdefault((callee, caller), f"call:{incident.calls}")
            if callee not in reached:
                reached[callee] = how
                queue.append(callee)
    ranked = sorted(last, key=lambda service: (-last[service], service)) or list(reached)
    root = ranked[0]
    evidence: dict[str | Edge, list[str]] = {edge: [call] for edge, call in edges.items()}
    evidence[root] = next(([call] for (callee, _), call in edges.items() if callee == root), [])
    return Diagnosis([root], list(reached), list(edges), {what: cited for what, cited in evidence.items() if cited})


def _gone_bad(incident: Incident, caller: str, found: Stretches) -> dict[str, float]:
    """Return the callees to which calls of a service have degraded, and how badly; 1 is the threshold."""
    before, during = (_calls(incident, caller, span) for span in (found.before, found.during))
    bad = {}
    for callee, (errors, p95) in during.items():
        usual_errors, usual_p95 = before.get(callee, (0.0, _QUICK))
        more = (errors - usual_errors) / _ERRORS
        times = max(p95, _QUICK) / max(usual_p95, _QUICK) / _TIMES
        if max(more, times) >= 1:
            bad[callee] = max(more, times)
    return bad


def _calls(incident: Incident, caller: str, span: dict[str, str]) -> dict[str, tuple[float, float]]:
    """Return the share of errors and the latency of a service's calls, by callee."""
    content = incident.call("get_dependency_graph", service=caller, limit=200, **span)
    return {
        callee: (errors / count, p95)
        for source, callee, count, errors, p95 in content["rows"]
        if source == caller and count
    }
