"""Reads scenario files from YAML into a frozen `Scenario`, checked against the mesh it plays on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from functools import partial
from math import inf
from numbers import Integral
from pathlib import Path
from typing import Any

from meshquake.faults import confounders, observability
from meshquake.faults.fault import Fault
from meshquake.faults.multitudes import multitudes
from meshquake.faults.reader import CauseReader
from meshquake.faults.scenario import CONFOUNDERS, DEFAULT_SEED, Scenario
from meshquake.topology import loader as topology_loader
from meshquake.topology import outside, review
from meshquake.topology.binder import keys_of, settings
from meshquake.topology.document import Document
from meshquake.topology.keys import Key
from meshquake.topology.loading.telemetry.block import read_telemetry
from meshquake.topology.problems import DocumentError, Problem, suggestion
from meshquake.topology.spec import Topology
from meshquake.topology.telemetry.block import UNCHANGED, Telemetry
from meshquake.topology.units import shown

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class Options:
    """What a user may set from outside in place of what the scenario file says; None keeps the file's value.

    Times are in seconds, `rate` in requests per second; `severity` in (0, 1] multiplies that of every fault. `topology`
    is a file, or the name of a shipped mesh, and `observability` a level (`faults.observability`). With `calm`, the
    mesh has no `environment`, and does nothing on its own. `seed` is that of every draw: of what the scenario leaves to
    it, confounders included, and of the run. `without` has the ids of faults, background events and actions to leave
    out of the file, whatever is wrong with them; the others keep their ids, and so their draws. ValueError for a value
    out of its bounds.
    """

    duration: float | None = None
    lead_in: float | None = None
    recovery: float | None = None
    rate: float | None = None
    severity: float = 1.0
    topology: str | Path | None = None
    confounders: str | None = None
    observability: str | None = None
    calm: bool = False
    seed: int = DEFAULT_SEED
    without: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        bounds = keys_of(Scenario) | {"severity": keys_of(Fault)["severity"]}
        for name in ("duration", "lead_in", "recovery", "rate", "severity"):
            value = getattr(self, name)
            if value is not None:
                _refuse_outside(name, bounds[name].grammar, value)
        if not isinstance(self.seed, Integral) or not 0 <= self.seed < 2**63:
            raise ValueError(f"seed must be a whole number from 0 to 2^63 - 1, not {self.seed!r}")
        if self.confounders is not None and self.confounders not in CONFOUNDERS:
            raise ValueError(f"confounders cannot be {self.confounders!r}{suggestion(self.confounders, CONFOUNDERS)}")
        if self.observability is not None and self.observability not in observability.LEVELS:
            known = suggestion(self.observability, observability.LEVELS)
            raise ValueError(f"observability cannot be {self.observability!r}{known}")

    def over(self, scenario: Scenario) -> Scenario:
        """Return a scenario with the values set here in place of its own, except severity."""
        own = {field.name for field in fields(scenario)} - {"topology", "severity", "observability"}
        values: dict[str, Any] = {
            name: value for name, value in vars(self).items() if name in own and value is not None
        }
        if self.observability is not None:
            values |= {"observability": observability.at_level(self.observability), "level": self.observability}
        return replace(scenario, **values)


def _refuse_outside(name: str, grammar: Key, value: float) -> None:
    low, high = grammar.low or 0.0, inf if grammar.high is None else grammar.high
    if not (low < value if grammar.above else low <= value) or not value <= high:
        least = f"more than {low:g}" if grammar.above else f"at least {low:g}"
        raise ValueError(f"{name} must be {least} and at most {high:g}, not {value}")


@dataclass(frozen=True)
class LoadedScenario:
    """A scenario and the mesh it plays on, with the documents they were read from."""

    scenario: Scenario
    topology: Topology
    scenario_document: Document
    topology_document: Document

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is odd in either file, at the rate that is played."""
        mesh = topology_loader.LoadedTopology(self.topology, self.topology_document)
        odd = review.unexpected(mesh, self.scenario.rate)
        return _without_own_files([*odd, *self.scenario_document.problems])


def shipped() -> dict[str, Path]:
    """Return the scenario files that come with the package, by name."""
    return {path.stem: path for path in sorted((Path(__file__).parent / "scenarios").glob("*.yaml"))}


def load(path: str | Path, options: Options = Options()) -> LoadedScenario:
    """Read a scenario file, and the topology it plays on.

    Raises
    ------
    topology.problems.DocumentError
        With everything that is wrong with either file, or with the options for them.
    """
    try:
        return _load(Document.read(path), Path(path).parent, options)
    except DocumentError as error:
        raise DocumentError(_without_own_files(error.problems)) from None


def parse(
    text: str,
    file: str,
    options: Options = Options(),
    folder: Path = Path(),
    mesh: topology_loader.LoadedTopology | None = None,
) -> LoadedScenario:
    """Read a scenario from a text.

    Parameters
    ----------
    text, file
        The text, and its name in messages.
    options
        What is set in place of what the text says.
    folder
        The folder to which a topology's file name is relative.
    mesh
        The mesh to play on, whatever the text or the options say about a topology.

    Raises
    ------
    topology.problems.DocumentError
        As `load`.
    """
    return _load(Document.parse(text, file), folder, options, mesh)


def _load(
    document: Document, folder: Path, options: Options, mesh: topology_loader.LoadedTopology | None = None
) -> LoadedScenario:
    scenario = options.over(_header(document))
    elsewhere: tuple[Problem, ...] = ()
    if mesh is None:
        try:
            path = _mesh_file(document, options.topology, scenario.topology, folder)
            mesh = None if path is None else topology_loader.load(path)
        except DocumentError as error:
            elsewhere = error.problems
    topology = None if mesh is None else mesh.topology.calm() if options.calm else mesh.topology
    telemetry = _telemetry(document, topology)
    reader = CauseReader(document, scenario, topology, options.without)
    faults, background, actions = reader.faults("faults"), reader.faults("background"), reader.actions()
    if mesh is None or topology is None or any(not problem.warning for problem in document.problems):
        raise DocumentError([*document.problems, *elsewhere])
    scenario = replace(scenario, faults=faults, background=background, actions=actions, telemetry=telemetry)
    extra = confounders.chosen(scenario, topology)
    drawn = (*reader.drawn, *(fault.id for fault in extra))
    scenario = replace(scenario, background=(*background, *extra), drawn=drawn, roles=reader.roles)
    if too_many := multitudes(scenario, topology, document, mesh.document):
        raise DocumentError([*document.problems, *too_many])
    scenario = scenario.at_severity(options.severity)
    return LoadedScenario(scenario, topology, document, mesh.document)


def _header(document: Document) -> Scenario:
    """Return the scenario without its faults, with defaults in place of what was refused."""
    by_hand = {"observability": partial(observability.read, document)}
    values = settings(document, Scenario, document.root, by_hand, also=("faults", "background", "actions", "telemetry"))
    if not NAME.fullmatch(values.setdefault("name", "unnamed")):
        message = f"must be letters, digits, `-` and `_`, as in my-outage, not {shown(values['name'])}"
        document.error(document.find("name"), message)
    return Scenario(**values, source=document.text)


def _telemetry(document: Document, mesh: Topology | None) -> Telemetry:
    """Return what the scenario says about what is recorded; it refers to the services of its mesh."""
    node = document.root.entries.get("telemetry")
    if node is None:
        return UNCHANGED
    if mesh is None:
        return read_telemetry(document, node, ())
    return read_telemetry(document, node, [service.name for service in mesh.services], mesh.telemetry)


def _mesh_file(document: Document, chosen: str | Path | None, named: str, folder: Path) -> Path | None:
    """Return the file that the option `topology` means, or else the key; None, and an error, if the key means none."""
    if chosen is not None:
        return topology_loader.named(chosen)
    meshes = topology_loader.shipped()
    if named in meshes:
        return meshes[named]
    path = folder / named
    if outside.is_folder(path):
        document.error(document.find("topology"), f"{shown(named)} is a folder, not a file")
        return None
    if outside.exists(path):
        return path
    message = f"{shown(named)} is neither a shipped mesh nor a file in {folder}{suggestion(named, list(meshes))}"
    document.error(document.find("topology"), message)
    return None


def _without_own_files(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems, each once, with files of the package identified by name alone.

    Users have not written such a file and cannot fix it: an option, or the mesh, does not go with it.
    """
    names = {str(path): name for path, name in _own_files()}
    found: dict[tuple[str, str], Problem] = {}
    for problem in problems:
        name = names.get(problem.file)
        if name is not None:
            advice = ""
            if problem.path.endswith(".target") and not problem.warning:
                advice = ". For this mesh, write a scenario and run it: python run.py scenario FILE (docs/scenarios.md)"
            problem = replace(problem, file=name, line=0, message=problem.message + advice)
        found.setdefault((problem.file, problem.message if name else str(problem)), problem)
    return tuple(found.values())


def _own_files() -> Iterator[tuple[Path, str]]:
    """Yield the files that come with the package, and their names."""
    for shipped_files in (shipped(), topology_loader.shipped()):
        yield from ((path, name) for name, path in shipped_files.items())
