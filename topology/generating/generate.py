"""Generates a mesh."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import sqrt

from meshquake.topology import units
from meshquake.topology.estimates import offered_load
from meshquake.topology.generating import figures, fitting, layout
from meshquake.topology.generating.calls import Web
from meshquake.topology.generating.draws import Draws
from meshquake.topology.generating.writing import written
from meshquake.topology.graph import depths
from meshquake.topology.loader import parse
from meshquake.topology.spec import Service, Topology, Workload
from meshquake.topology.users import Entry


@dataclass(frozen=True)
class Order:
    """The parameters of a generated mesh.

    Parameters
    ----------
    services
        The number of services, from `figures.FEWEST` to `figures.MOST`.
    seed
        Decides everything else.
    rate
        Requests per second, which the mesh has capacity for; None for what suits its size.
    entries
        Number of services that users call; None for the published share.
    """

    services: int
    seed: int
    rate: float | None = None
    entries: int | None = None

    @property
    def name(self) -> str:
        """The name of the mesh."""
        return f"generated-{self.services}-{self.seed}"


def generate(order: Order, version: str) -> str:
    """Return the text of a topology file.

    Parameters
    ----------
    order
        The parameters of the mesh.
    version
        The version that the file says it was made by.

    Returns
    -------
    str
        The same for the same arguments.
    """
    draws = Draws(order.seed)
    numbers = layout.Numbers.of(order.services, order.entries)
    services = Web(layout.members(numbers, draws), draws).services()
    rate = float(f"{figures.REQUESTS * sqrt(order.services):.2g}") if order.rate is None else order.rate
    bare = Topology(order.name, services, (), Workload(rate=rate, mix=_mix(services, draws)))
    draft = _read(written(bare, "", fitting.USUAL_ERRORS), order)
    errors = fitting.errors(draft)
    mesh = fitting.protected(fitting.provided(draft, offered_load(draft), draws), draws)
    return written(mesh, _head(order, version, mesh), errors)


def _read(text: str, order: Order) -> Topology:
    return parse(text, f"{order.name}.yaml").topology


def _mix(services: tuple[Service, ...], draws: Draws) -> tuple[Entry, ...]:
    """Return the weights of the entries, by a rank drawn for each, in file order."""
    entries = [(each.name, one.name) for each in services if each.kind == "gateway" for one in each.operations]
    ranked = draws.shuffled(entries, "rank")
    weights = {entry: 100 / (1 + rank) ** figures.POPULARITY for rank, entry in enumerate(ranked)}
    return tuple(Entry(*entry, weight=float(f"{weights[entry]:.3g}")) for entry in entries)


def _head(order: Order, version: str, mesh: Topology) -> str:
    """Return the text of the comment at the top."""
    options = f" --rate {units.rate(order.rate)}" if order.rate is not None else ""
    options += f" --entries {order.entries}" if order.entries is not None else ""
    kinds = Counter(service.kind for service in mesh.services)
    return (
        f"A generated mesh: nobody runs it, and its names are made up.\n\n"
        f"Made by meshquake {version}, which makes the same bytes again:\n"
        f"python run.py topology generate --services {order.services} --seed {order.seed}{options}\n\n"
        f"{order.services} services, {kinds['gateway']} of them for users; "
        f"{units.counted(kinds['database'], 'database')} and {units.counted(kinds['cache'], 'cache')}; "
        f"up to {max(depths(mesh).values())} calls in a row.\n"
        'Shaped after published statistics of real call graphs (docs/topology.md, "Generated meshes"). Times of work,\n'
        "timeouts and all other policies are estimates."
    )
