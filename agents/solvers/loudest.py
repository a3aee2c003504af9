"""Name the service whose symptoms grew most: what a hurried person does, and a floor of `score`."""

from __future__ import annotations

from meshquake.agents.incident import Incident
from meshquake.agents.solvers.diagnosis import Diagnosis
from meshquake.agents.solvers.solver import Stretches, called, stretches

#: The symptoms, each with its noise floor: lower values count as this one.
_SYMPTOMS = {"error_rate": 1.0, "latency_p95": 1.0}
#: The factor by which a symptom must grow for a service to count as affected.
_HIT = 3.0


def loudest(incident: Incident) -> Diagnosis | None:
    """Compare error rates and latencies of all services, and name the worst."""
    found = stretches(incident)
    if found is None:
        return None
    growth: dict[str, tuple[float, str]] = {}
    for symptom, quiet in _SYMPTOMS.items():
        metric = called(incident, symptom)
        if metric is None:
            continue
        before, during = (_means(incident, metric, span) for span in (found.before, found.during))
        for service, value in during.items():
            times = max(value, quiet) / max(before.get(service, quiet), quiet)
            growth[service] = max(growth.get(service, (0.0, "")), (times, metric))
    ranked = sorted(growth, key=lambda service: (-growth[service][0], service))
    if not ranked:
        return Diagnosis(())
    worst = ranked[0]
    seen = _cited(incident, worst, growth[worst][1], found)
    hit = [service for service in ranked if growth[service][0] >= _HIT]
    return Diagnosis(ranked[:1], hit or ranked[:1], evidence={worst: seen})


def _means(incident: Incident, metric: str, span: dict[str, str]) -> dict[str, float]:
    """Return the mean of a metric over a period, by service; services without samples are left out."""
    # A single step, however long the recording is.
    content = incident.call("query_metrics", metric=metric, step=86_400, limit=200, **span)
    rows = (dict(zip(content["columns"], row, strict=True)) for row in content["rows"])
    return {row["service"]: row["points"][-1][1] for row in rows}


def _cited(incident: Incident, service: str, metric: str, found: Stretches) -> list[str]:
    """Query the loudest symptom, and cite that call."""
    incident.call("query_metrics", metric=metric, service=service, **found.during)
    return [f"call:{incident.calls}"]
