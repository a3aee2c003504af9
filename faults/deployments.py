"""Which replicas of a service a fault means that scales them or replaces them: those of one deployment."""

from __future__ import annotations

from collections.abc import Iterable

from meshquake.faults.fault import Target
from meshquake.topology.problems import suggestion
from meshquake.topology.spec import Topology
from meshquake.topology.units import shown


def unclear_of_any(targets: Iterable[Target], deployment: str | None, topology: Topology) -> str:
    """What is unclear of the first of some targets of which anything is; empty if nothing is."""
    return next(filter(None, (unclear(each, deployment, topology) for each in targets)), "")


def unclear(target: Target, deployment: str | None, topology: Topology) -> str:
    """Why a target and the name of a deployment do not say which replicas are meant; empty if they do.

    Of versions that run side by side each is a deployment of its own, and is called by its name; of a service without
    such versions there is one, which needs no name.
    """
    versions = [version.name for version in topology.service(target.service).versions]
    if target.level == "replica":
        return "" if deployment is None else f"deployment goes with a service: {target} belongs to one already"
    if deployment is None:
        if len(versions) < 2:
            return ""
        names = ", ".join(versions)
        return (
            f"{target} has versions side by side, each a deployment of its own: say which of {names}, "
            f"as in deployment: {versions[0]}"
        )
    if not versions:
        return f"{target} has no versions side by side, and so one deployment: leave deployment out"
    if deployment not in versions:
        return f"{target} has no version {shown(deployment)}{suggestion(deployment, versions)}"
    return ""
