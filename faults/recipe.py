"""What a run is made from, and can be made from again with changes: two texts and the options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import faults.loader
import topology.loader
from faults import edits
from faults.fault import Fault
from faults.loader import Loaded, Options
from faults.scenario import Scenario
from topology.binder import keys_of, read
from topology.document import Document, DocumentError, Problem
from topology.spec import Workload

#: What is set as an option and not in a text, and the grammar of its value. `workload.rate` is `rate`, which takes its
#: place in every run.
_OPTIONS = {name: (name, keys_of(Scenario)[name].grammar) for name in ("duration", "lead_in", "recovery", "rate")} | {
    "severity": ("severity", keys_of(Fault)["severity"].grammar),
    "workload.rate": ("rate", keys_of(Workload)["rate"].grammar),
}


@dataclass(frozen=True)
class Recipe:
    """The texts of a scenario and of its mesh, and the options.

    `file` is where the texts were found, for messages.
    """

    scenario: str
    topology: str
    options: Options
    file: str

    def load(self) -> Loaded:
        """The scenario and its mesh.

        Raises
        ------
        topology.document.DocumentError
            With everything that is wrong with either text.
        """
        mesh = topology.loader.parse(self.topology, f"{self.file} (topology)")
        return faults.loader.parse(self.scenario, f"{self.file} (scenario)", self.options, mesh=mesh)

    def load_with(self, assignments: Sequence[str] = (), mesh: str | None = None) -> Loaded:
        """The scenario and its mesh, with changes. What the seed drew for them stays as it was.

        Parameters
        ----------
        assignments
            Each a `PATH=VALUE` (`faults.edits`), made in turn.
        mesh
            The text of another mesh, to be changed in place of its own; the rate of requests stays that of the options.

        Raises
        ------
        topology.document.DocumentError
            With everything that is wrong. What comes of an assignment is told as its own: `--set PATH=VALUE: ...`.
        """
        recipe = self._written_out()
        changes = _Changes(recipe if mesh is None else replace(recipe, topology=mesh))
        refused = []
        for assignment in assignments:
            try:
                changes.make(assignment)
            except ValueError as error:
                refused.append(Problem(_called(assignment), 0, "", str(error)))
        if refused:
            raise DocumentError(refused)
        try:
            return changes.recipe.load()
        except DocumentError as error:
            raise DocumentError([changes.blame(problem) for problem in error.problems]) from None

    def _written_out(self) -> Recipe:
        """The same, with nothing left to the seed."""
        drawn = replace(self, options=replace(self.options, severity=1.0)).load().scenario
        text = edits.write_out(self.scenario, drawn)
        return replace(self, scenario=text, options=replace(self.options, confounders="none"))


@dataclass
class _Changes:
    """A recipe that is being changed; `places` are where: side and path, and by which assignment."""

    recipe: Recipe
    places: list[tuple[str, str, str]] = field(default_factory=list)

    def make(self, assignment: str) -> None:
        """Make a change; ValueError if it can't be made."""
        path, value = edits.split(assignment)
        side = edits.side(path)
        if path in _OPTIONS:
            self.recipe = replace(self.recipe, options=_with_option(self.recipe.options, path, value))
            return
        text: str = getattr(self.recipe, side)
        self.places.append((side, edits.place(text, path), assignment))
        changed: dict[str, Any] = {side: edits.apply(text, path, value)}
        self.recipe = replace(self.recipe, **changed)
        if path == "workload":
            # The option would hide the rate that is in it.
            self.recipe = replace(self.recipe, options=replace(self.recipe.options, rate=None))

    def blame(self, problem: Problem) -> Problem:
        """A problem as one of the assignments at its place, below or above; as one of the text if there are none.

        It loses its line: nobody has seen the lines of a text that was changed.
        """
        near = [
            (place, assignment)
            for side, place, assignment in self.places
            if problem.file.endswith(f"({side})")
            and (edits.below(place, problem.path) or edits.below(problem.path, place))
        ]
        file = " ".join(_called(assignment) for _, assignment in near) or problem.file
        said = near and all(place == problem.path for place, _ in near)
        return replace(problem, file=file, line=0, path="" if said else problem.path)


def _called(assignment: str) -> str:
    return f"--set {assignment}"


def _with_option(options: Options, path: str, value: str) -> Options:
    name, grammar = _OPTIONS[path]
    try:
        document = Document.parse(value, "value")
        number = read(document, grammar, document.root)
        document.check()
    except DocumentError as error:
        raise ValueError("; ".join(problem.message for problem in error.problems)) from None
    return replace(options, **{name: number})
