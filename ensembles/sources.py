"""The scenario and the mesh of a study, found by name or by file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshquake.faults import loader as scenario_loader
from meshquake.topology import loader as topology_loader
from meshquake.topology.problems import DocumentError, Problem, suggestion


@dataclass(frozen=True)
class Sources:
    """A scenario and a mesh found by name: their fields in `Study`, and what else is known.

    Attributes
    ----------
    texts
        Fields of a study.
    name, faults
        The scenario's name, and whether anything goes wrong in it.
    warnings
        Warnings about either.
    """

    texts: Mapping[str, Any]
    name: str
    faults: bool
    warnings: tuple[Problem, ...]


def sources(scenario: str, topology: str | None, folder: Path) -> Sources:
    """Find a scenario and its mesh.

    Parameters
    ----------
    scenario, topology
        The name of a shipped one, or a file; for the mesh, None for that of the scenario.
    folder
        The folder that file names are relative to.

    Raises
    ------
    topology.problems.DocumentError
        If anything is wrong with either.
    """
    shipped, meshes = scenario_loader.shipped(), topology_loader.shipped()
    file = shipped.get(scenario, folder / scenario)
    if scenario not in shipped and not file.suffix and not file.exists():
        raise DocumentError(
            [Problem(scenario, 0, "", f"there is no such file or shipped scenario{suggestion(scenario, shipped)}")]
        )
    mesh = topology if topology is None or topology in meshes else folder / topology
    loaded = scenario_loader.load(file, scenario_loader.Options(topology=mesh))
    texts = {
        "scenario": loaded.scenario_document.text,
        "topology": loaded.topology_document.text,
        "file": scenario if scenario in shipped else str(file),
        "replayed": tuple(loaded.topology.workload.replayed().items()),
    }
    return Sources(texts, loaded.scenario.name, bool(loaded.scenario.faults), loaded.warnings)
