"""Outlier detection that ejects nothing, or the only replica."""

from __future__ import annotations

from collections.abc import Iterator

from meshquake.topology.outlier import FailureShare, Outlier, SuccessRate
from meshquake.topology.review.mesh import Finding, Mesh, path_of
from meshquake.topology.spec import Edge
from meshquake.topology.units import counted, duration, number


def toothless(mesh: Mesh) -> Iterator[Finding]:
    """Outlier detection without a rule that can eject a replica, or that may eject the only one."""
    for edge in mesh.topology.edges:
        if edge.outlier is not None:
            reason = _reason(mesh, edge, edge.outlier)
            if reason:
                yield path_of(edge, "outlier"), reason


def _reason(mesh: Mesh, edge: Edge, outlier: Outlier) -> str:
    """Return what is odd about an edge's outlier detection; empty if nothing is."""
    rules = {"success_rate": outlier.success_rate, "failure_share": outlier.failure_share}
    blind = {name: _blind(mesh, edge, rule) for name, rule in rules.items() if rule is not None}
    seeing = outlier.consecutive is not None or outlier.gateway is not None or not all(blind.values())
    if not seeing:
        why = next(iter(blind.values()), "all its rules are off")
        return f"ejects nothing: {why}"
    callee, replicas = mesh.fewest(edge.callee)
    if replicas == 1:
        if outlier.panic > 0:
            return f"ejects nothing: {callee} has only one replica, which panic keeps in use"
        return f"ejects the only replica of {callee}: then all calls fail, for {duration(outlier.ejection)}"
    if outlier.gateway is not None and outlier.consecutive is not None and outlier.gateway >= outlier.consecutive:
        return f"gateway ejects nothing: consecutive does so first, after {outlier.consecutive} failures in a row"
    if outlier.ejection > outlier.longest:
        ejection, longest = duration(outlier.ejection), duration(outlier.longest)
        return f"its ejections do not grow: the first lasts {ejection}, above the longest of {longest}"
    # The comparison of success rates is on by default; the other rule was asked for.
    return f"failure_share ejects nothing: {blind['failure_share']}" if blind.get("failure_share") else ""


def _blind(mesh: Mesh, edge: Edge, rule: SuccessRate | FailureShare) -> str:
    """Return why a rule never sees enough requests at the usual rate; empty if it does."""
    callee, hosts = mesh.fewest(edge.callee)
    if rule.hosts > hosts:
        return f"it needs {rule.hosts} replicas of {callee}, which has {hosts}"
    assert edge.outlier is not None
    seen = mesh.rate_per_replica(edge) * edge.outlier.interval / mesh.replicas[edge.callee]
    if 0 < seen < rule.requests / 2:
        asked, interval = counted(rule.requests, "request"), duration(edge.outlier.interval)
        return f"it needs {asked} to a replica in {interval}, but {number(seen, digits=2)} are usual"
    return ""
