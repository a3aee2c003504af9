"""Reads study files: YAML to a frozen `Study`; reports all problems at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from meshquake.ensembles import axes, response_text
from meshquake.ensembles.axes import Axis, Level
from meshquake.ensembles.draft import Draft
from meshquake.ensembles.mistakes import Mistake
from meshquake.ensembles.responses import Response
from meshquake.ensembles.sources import sources
from meshquake.ensembles.stopping import Until
from meshquake.ensembles.study import AT_MOST, MOST_RUNS, MSER, REPLICATIONS, Study, StudyError
from meshquake.faults.loader import NAME
from meshquake.topology.binder import Settings, block, build, settings
from meshquake.topology.document import Document, Node
from meshquake.topology.keys import key
from meshquake.topology.problems import DocumentError, Problem
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


def load(
    path: Path, over: Mapping[str, int] = MappingProxyType({}), called: str = "--"
) -> tuple[Study, tuple[Problem, ...]]:
    """Read a study file, with the scenario and the mesh that it names; also returns warnings about these and its cells.

    Parameters
    ----------
    path
        The file.
    over
        What replaces values of the file: `replications`, `seed`.
    called
        The prefix of these in messages: two hyphens on a command line.

    Raises
    ------
    topology.problems.DocumentError
        If anything is wrong with it, or with its cells (`study_check.problems`); lists every problem.
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
    values: Settings = settings(document, StudyKeys, document.root, by_hand) | dict(over)
    if build(Precision, values.get("until") or {}) is None:
        values.pop("until", None)
    keys = build(StudyKeys, {"name": "unnamed", "scenario": ""} | values)
    assert keys is not None
    elsewhere: tuple[Problem, ...] = ()
    found = None
    if keys.scenario:
        try:
            found = sources(keys.scenario, keys.topology, path.parent)
        except DocumentError as error:
            elsewhere = error.problems
    usual = response_text.usual(found is not None and found.faults)
    draft = Draft(
        sources=found,
        labels=reader.labels or [each.label for each in usual],
        responses=keys.responses or usual,
        name=keys.name,
        summary=keys.summary,
        assignments=keys.set,
        calm=keys.calm,
        axes=(*keys.vary, *([] if keys.variants is None else [keys.variants])),
        sample=keys.sample,
        replications=keys.replications,
        until=None if keys.until is None else Until(keys.until.response, keys.until.relative),
        at_most=AT_MOST if keys.until is None else keys.until.at_most,
        seed=keys.seed,
        warm_up=keys.warm_up,
    )
    for axis in axes.mistakes(draft.axes, draft.sample):
        where = f"vary.{axis.name}" if axis.name else "vary" if draft.axes else "sample"
        document.error(document.find(where), axis.message)
    for mistake in draft.mistakes():
        if mistake.about in over:
            elsewhere += (Problem(f"{called}{mistake.about} {over[mistake.about]}", 0, "", mistake.message),)
        else:
            reader.misfit(mistake)
    odd = draft.problems(f"{path}: ")
    if wrong := [each for each in (*document.problems, *elsewhere, *odd) if not each.warning]:
        raise DocumentError(wrong)
    return draft.study(), odd


def is_study(path: Path) -> bool:
    """Whether a readable file is a study and not a scenario: it names its scenario. Raises as `Document.read`."""
    return "scenario" in Document.read(path).root.entries


class _Reader:
    """Reads the keys with grammars of their own; a refused key gives None and an error."""

    def __init__(self, document: Document) -> None:
        self._document = document
        #: The labels of all responses, also of those that are refused, with their nodes.
        self._labels: list[tuple[str, Node]] = []

    @property
    def labels(self) -> list[str]:
        """The labels of the responses."""
        return [label for label, _ in self._labels]

    def misfit(self, mistake: Mistake) -> None:
        """Report a setting that does not go with others, where it is."""
        paths = {"until": "until.response", "at_most": "until.at_most", "response": "responses"}
        nodes = [node for label, node in self._labels if label == mistake.label]
        node = nodes[-1] if nodes else self._document.find(paths.get(mistake.about, mistake.about))
        self._document.error(node, mistake.message)

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

    def vary(self, node: Node) -> tuple[Axis, ...]:
        """Read the parameters: those that are not refused."""
        found = [self._axis(path, each) for path, each in block(self._document, node).items()]
        return tuple(each for each in found if each is not None)

    def _axis(self, path: str, node: Node) -> Axis | None:
        if node.kind == "map" and node.entries:
            labels = {label: (f"{path}={written(each)}",) for label, each in node.entries.items()}
            return Axis(path, tuple(Level(printable(label), each) for label, each in labels.items()))
        if node.kind in ("list", "map") or node.is_empty:
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

    def responses(self, node: Node) -> tuple[Response, ...]:
        """Read the responses: those that are not refused."""
        if node.kind == "map":
            named = list(node.entries.items())
        else:
            named = [("", each) for each in (node.items if node.kind == "list" else [node])]
        if not named:
            self._document.error(node, "has no response")
        self._labels = [(label or response_text.split(each.text)[0], each) for label, each in named]
        found = [self.attempt(each, lambda label=label, each=each: _response(label, each)) for label, each in named]  # type: ignore[misc]
        return tuple(each for each in found if each is not None)


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
