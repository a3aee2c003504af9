"""Reads the users of a mesh, and what they ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, replace
from pathlib import Path

from meshquake.topology.binder import block, build, read, settings
from meshquake.topology.document import Document, Node
from meshquake.topology.keys import Key
from meshquake.topology.loading.names import Names
from meshquake.topology.naming import parts
from meshquake.topology.population_loader import PopulationLoader
from meshquake.topology.replay import Replay
from meshquake.topology.spec import Entry, Service, Workload
from meshquake.topology.users import USUAL, Population

#: Weight of an entry operation.
WEIGHT = Key("ratio", "share of the whole, beside the other weights", low=0, high=1e9)


class WorkloadReader:
    """Reads the workload of a document.

    Parameters
    ----------
    document, names
        The document, which collects the errors, and its names.
    folder, replayed
        The folder that paths of request files are relative to, and request files that were scanned before.
    """

    def __init__(self, document: Document, names: Names, folder: Path, replayed: Mapping[str, Replay]) -> None:
        self._document = document
        self._names = names
        self._folder = folder
        self._replayed = replayed

    def read(self, node: Node, services: tuple[Service, ...]) -> Workload:
        """Read the workload from its section."""
        reader = PopulationLoader(
            self._document, self._mix, self._names.operation, self._names.known, self._folder, self._replayed
        )
        found = settings(self._document, Workload, node, {"mix": self._mix, "populations": reader.read})
        if node.kind == "map" and not {"mix", "populations"} & node.entries.keys():
            self._document.error(node, "missing key 'mix'")
        if "populations" in node.entries and "rate" in node.entries and "mix" not in node.entries:
            self._document.error(node.entries["rate"], "needs a mix beside it: each population has its own rate")
        workload = build(Workload, found) or Workload()
        if workload.populations:
            workload = _of_populations(workload, services)
        if workload.objective.window % 1:
            # Requests are counted per second (`truth.objective`).
            window = self._document.find("workload.objective.window")
            self._document.error(window, f"must be a whole number of seconds, as in 10s, not {window.text}")
        return workload

    def _mix(self, node: Node) -> tuple[Entry, ...]:
        entries = []
        for name, entry in block(self._document, node).items():
            weight = read(self._document, WEIGHT, entry)
            names = self._names.target(name, entry)
            if names is not None and self._names.exists(entry, *names) and weight is not MISSING:
                entries.append(Entry(*names, weight))
        if node.kind == "map" and len(entries) == len(node.entries) and not any(entry.weight for entry in entries):
            self._document.error(node, "needs an entry operation with a weight of more than 0")
        return tuple(entries)


def _of_populations(workload: Workload, services: tuple[Service, ...]) -> Workload:
    """Return a workload with the total that its populations are expected to ask for, and its own users among them."""
    populations = workload.populations
    if workload.mix:
        populations = (Population(USUAL, rate=workload.rate, mix=workload.mix), *populations)
    work = {f"{each.name}.{own.name}": own.work.expectation() for each in services for own in each.operations}
    rates: dict[str, float] = {}
    for population in populations:
        for name, expected in population.expected(work).items():
            rates[name] = rates.get(name, 0.0) + expected
    names = [each.name for each in services]
    mix = tuple(Entry(*parts(name, names), rate) for name, rate in rates.items())
    return replace(workload, rate=sum(rates.values()), mix=mix, populations=populations)
