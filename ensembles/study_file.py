"""Reads study files: YAML to a frozen `Study`; reports all problems at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from meshquake.ensembles import axes, response_text
from meshquake.ensembles.axes import Axis, Level
from meshquake.ensembles.responses import Response
from meshquake.ensembles.stopping import Until
from meshquake.ensembles.study import AT_MOST, MOST_RUNS, MSER, REPLICATIONS, Study, StudyError
from meshquake.faults import loader as scenario_loader
from meshquake.faults.loader import NAME
from meshquake.topology import loader as topology_loader
from meshquake.topology.binder import bind, block
from meshquake.topology.document import Document, Node
from meshquake.topology.keys import key
from meshquake.topology.problems import DocumentError, Problem, suggestion
from meshquake.topology.units import parse_duration, parse_ratio, printable, shown

T = TypeVar("T")

#: What no plain YAML scalar begins with, and what it does not contain inside brackets.
_FIRST, _INSIDE = frozenset("#&*!|>'\"%@`?-"), frozenset(",[]{}")


@dataclass(frozen=True)
class Precision:
    """A precision to reach: more runs are made of each cell until the interval of a response is narrow enough."""

    response: str = key("text", "the label of the response")
    relative: float = key("ratio", "half of the interval's width, relative to the mean", low=0, above=True, high=1)
    at_most: int = key("count", "runs of a cell after which it is given up", AT_MOST, low=1, high=MOST_RUNS)


@dataclass(frozen=True)
class StudyKeys:
    """The keys of a study file."""

    name: str = key("other", "what it is called: letters, digits, `-` and `_`")
    scenario: str = key("text", "the scenario: the name of a shipped one, or a file relative to this one")
    summary: str = key("text", "what it asks, in one sentence", "")
    topology: str | None = key("text", "the mesh, likewise (default: the scenario's)", None)
    calm: bool = key("flag", "leave out the topology's environment: the mesh does nothing by itself", False)
    set: tuple[str, ...] = key("other", "what is changed in every cell: values by their paths", ())
    vary: tuple[Axis, ...] = key(
        "other", "what is varied: a list of values, a block of labels with values, or a range `lo..hi:n`, by path", ()
    )
    variants: Axis | None = key("other", "several changes that go together: a block of `set`s, by label", None)
    sample: int | None = key(
        "count", "points of a Latin hypercube, in place of the grid", None, low=1, high=axes.MOST_CELLS
    )
    replications: int = key("count", "runs of each cell", REPLICATIONS, low=1, high=MOST_RUNS)
    until: Precision | None = key("spec", "a precision to reach", None, spec=Precision)
    seed: int = key("count", "the study's seed, from which those of the runs come", 1, low=0, high=2**63 - 1)
    warm_up: float | str = key(
        "other", "what is cut off at the beginning of a recording: a time, or `mser` to detect it in each run", 0.0
    )
    responses: tuple[Response, ...] = key(
        "other", "what is asked: a list of responses, or a block of labels with responses", ()
    )


def load(path: Path) -> tuple[Study, tuple[Problem, ...]]:
    """Read a study file, with the scenario and the mesh that it names; also returns warnings about these.

    Raises
    ------
    topology.problems.DocumentError
        If anything is wrong with it; lists every problem except those of its cells (`study_check.problems`).
    """
    document = Document.read(path)
    reader = _Reader(document)
    by_hand: dict[str, Callable[[Node], Any]] = {
        "name": reader.name,
        "set": reader.assignments,
        "vary": reader.vary,
        "variants": reader.variants,
        "warm_up": reader.warm_up,
        "responses": reader.responses,
    }
    found = bind(document, StudyKeys, document.root, by_hand)
    document.check()
    assert found is not None
    varied = (*found.vary, *([] if found.variants is None else [found.variants]))
    chosen = reader.attempt(document.root, lambda: axes.cells(varied, found.sample, found.seed))
    named = reader.attempt(document.find("scenario"), lambda: sources(found.scenario, found.topology, path.parent))
    document.check()
    assert chosen is not None and named is not None
    until = None if found.until is None else Until(found.until.response, found.until.relative)
    try:
        study = Study(
            name=found.name,
            summary=found.summary,
            **named.texts,
            assignments=found.set,
            calm=found.calm,
            axes=varied,
            sample=found.sample,
            cells=chosen,
            responses=found.responses or response_text.usual(named.faults),
            replications=found.replications,
            until=until,
            at_most=AT_MOST if found.until is None else found.until.at_most,
            seed=found.seed,
            warm_up=found.warm_up,
        )
        return study, named.warnings
    except StudyError as error:
        raise DocumentError([Problem(str(path), 0, "", str(each)) for each in error.args]) from None


def is_study(path: Path) -> bool:
    """Whether a readable file is a study and not a scenario: it names its scenario. Raises as `Document.read`."""
    return "scenario" in Document.read(path).root.entries


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


class _Reader:
    """Reads the keys with grammars of their own; a refused key gives None and an error."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def attempt(self, node: Node, make: Callable[[], T]) -> T | None:
        """The result of a function, or an error at a node."""
        try:
            return make()
        except DocumentError as error:
            self._document.problems += error.problems
        except (ValueError, StudyError) as error:
            self._document.error(node, str(error))
        return None

    def name(self, node: Node) -> str | None:
        """Read a name."""
        if node.kind == "scalar" and NAME.fullmatch(node.text):
            return node.text
        self._document.error(node, f"must be letters, digits, `-` and `_`, as in my-study, not {node}")
        return None

    def assignments(self, node: Node) -> tuple[str, ...]:
        """Read the changes of a `set`."""
        return tuple(f"{path}={written(each)}" for path, each in block(self._document, node).items())

    def vary(self, node: Node) -> tuple[Axis, ...] | None:
        """Read the parameters."""
        found = [self._axis(path, each) for path, each in block(self._document, node).items()]
        return None if None in found else tuple(each for each in found if each is not None)

    def _axis(self, path: str, node: Node) -> Axis | None:
        if node.kind == "map":
            labels = {label: (f"{path}={written(each)}",) for label, each in node.entries.items()}
            return Axis(path, tuple(Level(printable(label), each) for label, each in labels.items()))
        if node.kind == "list":
            return self.attempt(node, lambda: axes.listed(path, [written(each) for each in node.items]))
        return self.attempt(node, lambda: axes.axis(f"{path}={node.text}"))

    def variants(self, node: Node) -> Axis | None:
        """Read a parameter whose values change several keys together."""
        levels = [
            Level(printable(label), self.assignments(each)) for label, each in block(self._document, node).items()
        ]
        if not levels:
            self._document.error(node, "has no variant")
            return None
        return Axis("variant", tuple(levels))

    def warm_up(self, node: Node) -> float | str | None:
        """Read the warm-up."""
        if node.is_none:
            return 0.0
        return self.attempt(node, lambda: warm_up(node.text if node.kind == "scalar" else ""))

    def responses(self, node: Node) -> tuple[Response, ...] | None:
        """Read the responses."""
        if node.kind == "map":
            named = list(node.entries.items())
        else:
            named = [("", each) for each in (node.items if node.kind == "list" else [node])]
        found = [self.attempt(each, lambda label=label, each=each: _response(label, each)) for label, each in named]  # type: ignore[misc]
        return None if None in found else tuple(each for each in found if each is not None)


def _response(label: str, node: Node) -> Response:
    if node.kind != "scalar":
        raise ValueError(f"must be a line of text, not {node}")
    return response_text.response(node.text, label)


def warm_up(text: str) -> float | str:
    """Read a warm-up, `30s` or `mser`; ValueError if it is neither."""
    if text == MSER:
        return MSER
    try:
        seconds = parse_duration(text, plain_seconds=True)
        if seconds >= 0:
            return seconds
    except ValueError:
        pass
    raise ValueError(f"must be a time such as 30s, or {MSER}, not {shown(text)}")


def until(text: str) -> Until:
    """Read `RESPONSE:RELATIVE`, as in `entry.error_rate:5%`; ValueError if it is not valid."""
    label, colon, relative = (part.strip() for part in text.rpartition(":"))
    if not colon or not label:
        raise ValueError("must be RESPONSE:RELATIVE, as in entry.error_rate:5%")
    share = parse_ratio(relative)
    if not 0 < share <= 1:
        raise ValueError(f"must be a precision of more than 0% and at most 100%, not {relative}")
    return Until(label, share)


def written(node: Node) -> str:
    """A value in YAML, on one line."""
    if node.kind == "list":
        return f"[{', '.join(map(written, node.items))}]"
    if node.kind == "map":
        return f"{{{', '.join(f'{_quoted(word)}: {written(each)}' for word, each in node.entries.items())}}}"
    return _quoted(node.text, node.quoted)


def _quoted(text: str, quoted: bool = False) -> str:
    """A YAML scalar, quoted if it was, or if it must be."""
    plain = text and text[0] not in _FIRST and not _INSIDE & set(text) and ": " not in text and " #" not in text
    if quoted or not plain:
        return "'" + text.replace("'", "''") + "'"
    return text


def with_changes(study: Study, replications: int | None, seed: int | None) -> Study:
    """The same study with other numbers of runs."""
    changed: dict[str, Any] = {}
    if replications is not None:
        changed["replications"] = replications
    if seed is not None:
        changed["seed"] = seed
        if study.sample is not None:
            changed["cells"] = axes.cells(study.axes, study.sample, seed)
    return replace(study, **changed)
