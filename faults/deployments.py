"""Which replicas of a service are meant by a fault that scales or replaces them: those of one deployment."""

from __future__ import annotations

from collections.abc import Iterable

from meshquake.faults.fault import Target
from meshquake.topology.problems import suggestion
from meshquake.topology.spec import Topology
from meshquake.topology.units import shown


def unclear_of_any(targets: Iterable[Target], deployment: str | None, topology: Topology) -> str:
    """Return what is unclear about the first of some targets that is unclear; empty if all are clear."""
    return next(filter(None, (unclear(each, deployment, topology) for each in targets)), "")


def unclear(target: Target, deployment: str | None, topology: Topology) -> str:
    """Return why a target and the name of a deployment do not say which replicas are meant; empty if they do.

    Each of the versions that run side by side is a deployment, called by its name; a service without such versions has
    one deployment, which needs no name.
    """
    versions = [version.name for version in topology.service(target.service).versions]
    if target.level == "replica":
        return "" if deployment is None else f"deployment applies to a service: {target} already belongs to one"
    if deployment is None:
        if len(versions) < 2:
            return ""
        names = ", ".join(versions)
        return (
            f"{target} has versions side by side, each its own deployment: name one of {names}, "
            f"as in deployment: {versions[0]}"
        )
    if not versions:
        return f"{target} has no versions side by side, so it has only one deployment: leave out deployment"
    if deployment not in versions:
        return f"{target} has no version {shown(deployment)}{suggestion(deployment, versions)}"
    return ""
