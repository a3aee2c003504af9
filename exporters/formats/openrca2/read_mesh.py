"""The mesh as a case shows it: its services, their replicas, and the protocols of their operations.

The rest gets defaults: services that users call are gateways and others plain services, versions are unknown, and
each replica has 1 GiB of memory.
"""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from meshquake.exporters.formats.openrca2.read_spans import is_user
from meshquake.topology.loading.patterns import OPERATION_NAME, ROUTE, RPC
from meshquake.topology.placement import NODES
from meshquake.topology.spec import Memory, Operation, Room, Service, Topology, Workload


def mesh(folder: Path, found: dict[str, pl.DataFrame], traces: pl.DataFrame) -> Topology:
    """Return the mesh, without its edges.

    Parameters
    ----------
    folder
        The folder of the case.
    found
        The rows of its tables, with `service` and `replica` as in records.
    traces
        Trace records.
    """
    seen = pl.concat([frame.select("service", "replica") for frame in found.values()]).unique()
    own = seen.filter(~is_user(pl.col("service")) & (pl.col("service") != NODES))
    replicas = dict(own.group_by("service").agg(pl.col("replica").drop_nulls().n_unique()).sort("service").iter_rows())
    served = traces.filter(pl.col("kind") == "server")
    entries = set(served.filter(pl.col("peer").is_null())["service"])
    asked: dict[str, list[Operation]] = {name: [] for name in replicas}
    for service, path in served.select("service", "operation").unique().sort("service", "operation").iter_rows():
        name = path[len(service) + 1 :]
        if OPERATION_NAME.fullmatch(name) and (operation := _asked(name)):
            asked[service].append(operation)
    services = tuple(
        Service(
            name=name,
            kind="gateway" if name in entries else "service",
            replicas=max(1, min(1000, count)),
            version="unknown",
            memory=Memory(limit=2.0**30),
            operations=tuple(asked[name]),
        )
        for name, count in replicas.items()
    )
    nodes = found["metrics"]["attr.k8s.node.name"].drop_nulls().n_unique()
    return Topology(_namespace(folder), services, (), Workload(), Room(nodes=max(1, nodes)))


def _asked(name: str) -> Operation | None:
    """Return an operation with the protocol that its span's name shows; None if it shows none."""
    if ROUTE.fullmatch(name):
        return Operation(name, route=name)
    return Operation(name, rpc=name) if RPC.fullmatch(name) else None


def _namespace(folder: Path) -> str:
    """Return the name of the mesh: the case's namespace, or "openrca2" if it has none."""
    try:
        said = json.loads((folder / "env.json").read_text(encoding="utf-8"))
        return str(said["NAMESPACE"])
    except (OSError, ValueError, KeyError, TypeError):
        return "openrca2"
