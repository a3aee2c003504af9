"""What a run is made from, and can be made from again with changes: two texts and the options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from meshquake.faults import edits
from meshquake.faults import loader as scenario_loader
from meshquake.faults.fault import Fault
from meshquake.faults.loader import LoadedScenario, Options
from meshquake.faults.scenario import Scenario
from meshquake.topology import loader as topology_loader
from meshquake.topology.binder import keys_of, read
from meshquake.topology.document import Document
from meshquake.topology.problems import DocumentError, Problem, suggestion
from meshquake.topology.replay import Replay
from meshquake.topology.spec import Workload
from meshquake.topology.units import rate

#: The parts of a recording.
_LENGTHS = ("duration", "lead_in", "recovery")
#: What is set as an option and not in a text, and the grammar of its value. `workload.rate` becomes the option `rate`,
#: which replaces it in every run.
_OPTIONS = {name: (name, keys_of(Scenario)[name].grammar) for name in (*_LENGTHS, "rate")} | {
    "severity": ("severity", keys_of(Fault)["severity"].grammar),
    "workload.rate": ("rate", keys_of(Workload)["rate"].grammar),
}


@dataclass(frozen=True)
class Recipe:
    """The texts of a scenario and of its mesh, and the options.

    `file` is where the texts were found, for messages. `replayed` has the files of requests that the mesh names, by its
    names for them: they may have moved since. Other files, named by changes, are relative to the working folder.
    """

    scenario: str
    topology: str
    options: Options
    file: str
    replayed: Mapping[str, Replay] = field(default_factory=dict)

    def load(self) -> LoadedScenario:
        """Load the scenario and its mesh.

        Raises
        ------
        topology.problems.DocumentError
            With everything that is wrong with either text.
        """
        return scenario_loader.parse(self.scenario, f"{self.file} (scenario)", self.options, mesh=self.mesh())

    def mesh(self) -> topology_loader.LoadedTopology:
        """Load the mesh alone; raises as `load`."""
        return topology_loader.parse(self.topology, f"{self.file} (topology)", replayed=self.replayed)

    def load_with(
        self,
        assignments: Sequence[str] = (),
        mesh: topology_loader.LoadedTopology | None = None,
        without: Sequence[str] = (),
        calm: bool = False,
    ) -> LoadedScenario:
        """Load the scenario and its mesh with changes. What the seed drew for them stays as it was.

        But confounders that no longer fit into the recording are left out, and a warning of the scenario says so.

        Parameters
        ----------
        assignments
            `PATH=VALUE` each (`faults.edits`), applied in order.
        mesh
            Another mesh to use in place of its own, and to change; the rate of requests stays that of the options.
        without
            Ids of faults, background events and actions to leave out. They may include some that no longer fit.
        calm
            Whether the mesh does nothing on its own, except what assignments set.

        Raises
        ------
        topology.problems.DocumentError
            With everything that is wrong. Problems that an assignment causes are reported as its own: `--set
            PATH=VALUE: ...`, and likewise an id that nothing has: `--without ID: ...`.
        """
        drawn = replace(self, options=replace(self.options, severity=1.0)).load()
        recipe = self._written_out(drawn, mesh)
        changes = _Changes(replace(recipe, options=replace(recipe.options, calm=calm or recipe.options.calm)))
        refused = []
        for assignment in assignments:
            try:
                changes.make(assignment)
            except ValueError as error:
                refused.append(Problem(_called(assignment), 0, "", str(error)))
        scenario = drawn.scenario
        known = dict.fromkeys(cause.id for cause in scenario.causes)
        known |= dict.fromkeys(edits.ids(changes.recipe.scenario))
        refused += [
            Problem(
                f"--without {id}", 0, "", f"there is no such fault, background event or action{suggestion(id, known)}"
            )
            for id in without
            if id not in known
        ]
        if refused:
            raise DocumentError(refused)
        left_out = changes.leave_out(drawn, without)
        try:
            loaded = changes.recipe.load()
        except DocumentError as error:
            raise DocumentError([changes.blame(problem) for problem in error.problems]) from None
        loaded.scenario_document.problems += left_out
        return loaded

    def _written_out(self, drawn: LoadedScenario, mesh: topology_loader.LoadedTopology | None) -> Recipe:
        """Return the recipe with nothing left to the seed or to the mesh, on another mesh if one is given."""
        return replace(
            self,
            scenario=edits.write_out(self.scenario, drawn.scenario, drawn.topology),
            topology=self.topology if mesh is None else mesh.document.text,
            options=replace(self.options, confounders="none"),
            replayed=self.replayed if mesh is None else mesh.topology.workload.replayed(),
        )


@dataclass
class _Changes:
    """A recipe that is being changed; `places` has the side, path and assignment of each change."""

    recipe: Recipe
    places: list[tuple[str, str, str]] = field(default_factory=list)

    def make(self, assignment: str) -> None:
        """Make a change; ValueError if it cannot be made."""
        path, value = edits.split(assignment)
        side = edits.side(path)
        if path in _OPTIONS:
            self.recipe = replace(self.recipe, options=_with_option(self.recipe.options, path, value))
            return
        if edits.below(path, "workload.populations"):
            self._make_of_populations(path, value, assignment)
            return
        level = self.recipe.options.observability
        if level is not None and edits.below(path, "observability"):
            # The option would hide this change, which is relative to it.
            text = edits.apply(self.recipe.scenario, "observability", level)
            options = replace(self.recipe.options, observability=None)
            self.recipe = replace(self.recipe, scenario=text, options=options)
        if self.recipe.options.calm and edits.below(path, "environment"):
            # Likewise: the mesh does what is set now, and nothing else.
            text = edits.apply(self.recipe.topology, "environment", "{}")
            self.recipe = replace(self.recipe, topology=text, options=replace(self.recipe.options, calm=False))
        text = getattr(self.recipe, side)
        self.places.append((side, edits.place(text, path), assignment))
        changed: dict[str, Any] = {side: edits.apply(text, path, value)}
        self.recipe = replace(self.recipe, **changed)
        if path == "workload":
            # The option would hide the rate that is in it.
            self.recipe = replace(self.recipe, options=replace(self.recipe.options, rate=None))

    def _make_of_populations(self, path: str, value: str, assignment: str) -> None:
        """Change who the users are. Populations that are not changed keep their size.

        The rate of a run is that of all its users, so it changes.
        """
        before = self.recipe.mesh().topology.workload
        text, played = self.recipe.topology, self.recipe.options.rate or before.rate
        factor = played / before.rate
        if not before.populations:
            text, factor = edits.apply(text, "workload.rate", rate(played)), 1.0
        self.places.append(("topology", edits.place(text, path), assignment))
        self.recipe = replace(self.recipe, topology=edits.apply(text, path, value))
        try:
            after = self.recipe.mesh().topology.workload
        except DocumentError:
            return  # reported once all changes are made
        self.recipe = replace(self.recipe, options=replace(self.recipe.options, rate=after.rate * factor))

    def leave_out(self, drawn: LoadedScenario, without: Sequence[str]) -> list[Problem]:
        """Leave out causes by id, and confounders that no longer fit into the recording unless they were changed.

        Returns a warning for each such confounder that `without` does not name.
        """
        lengths = {word: length for word in _LENGTHS if (length := getattr(self.recipe.options, word)) is not None}
        played = replace(drawn.scenario, **lengths)
        listed = drawn.scenario_document.root.entries.get("background")
        own = 0 if listed is None else len(listed.items)  # those of the file come first
        gone = [
            fault
            for number, fault in enumerate(played.background)
            if number >= own
            and fault.id not in without
            and not played.holds(fault)
            and not self._near("scenario", f"background[{number}]")
        ]
        ids = (*without, *(fault.id for fault in gone))
        self.recipe = replace(self.recipe, options=replace(self.recipe.options, without=ids))
        why = "is left out, because it no longer fits into the recording"
        return [Problem(fault.id, 0, "", f"{fault.kind} of {fault.target} {why}", True) for fault in gone]

    def _near(self, where: str, path: str) -> list[tuple[str, str]]:
        """Return the places of changes at, below or above a path of a text, each with its assignment."""
        return [
            (place, assignment)
            for side, place, assignment in self.places
            if side == where and (edits.below(place, path) or edits.below(path, place))
        ]

    def blame(self, problem: Problem) -> Problem:
        """Attribute a problem to the assignments at its place, below or above; if there are none, to the text.

        Its line is dropped: nobody has seen the lines of the changed text.
        """
        near = self._near("scenario" if problem.file.endswith("(scenario)") else "topology", problem.path)
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
