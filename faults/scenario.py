"""A scenario: a mesh, a length of time, and the faults that occur in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from meshquake.faults.action import Action
from meshquake.faults.fault import Cause, Fault, Window
from meshquake.faults.observability import PERFECT, Observability
from meshquake.topology.keys import key
from meshquake.topology.telemetry.block import UNCHANGED, Telemetry

#: Where a scenario's fixture is stored, by its `group`: the folder, or the fixture's own if that is None.
GROUPS: dict[str, str | None] = {"normal": None, "incident": "incidents", "noise": "noise"}
#: How many harmless events are drawn, by the word that asks for them: loud ones, and others.
CONFOUNDERS = {"none": (0, 0), "some": (0, 2), "many": (0, 5), "loud": (4, 2)}
DEFAULT_SEED = 42


@dataclass(frozen=True)
class Scenario:
    """What happens, in simulated seconds from the start of the recording.

    An incident lasts from `lead_in` to `lead_in + duration`; faults have their windows in terms of it.
    """

    name: str = key("text", "names the output folder: letters, digits, `-` and `_`")
    summary: str = key("text", "what happens, in one sentence", "")
    group: str = key("choice", "where the output goes", "incident", choices=tuple(GROUPS))
    topology: str = key("text", "the mesh: the name of a shipped one, or a file relative to this one", "ten-services")
    duration: float = key("duration", "length of the incident", 60.0, low=0, above=True, high=366 * 86400)
    lead_in: float = key("duration", "healthy time recorded before the incident", 60.0, low=0, high=366 * 86400)
    recovery: float = key("duration", "time recorded after the incident", 60.0, low=0, high=366 * 86400)
    rate: float | None = key("rate", "requests per second (default: the topology's)", None, low=0, above=True, high=1e6)
    faults: tuple[Fault, ...] = key("other", "what goes wrong", ())
    background: tuple[Fault, ...] = key(
        "other", "other things that happen and are not faults; they stay when the faults are removed", ()
    )
    actions: tuple[Action, ...] = key("other", "what an operator does about it", ())
    confounders: str = key("choice", "how many harmless events the seed adds", "some", choices=tuple(CONFOUNDERS))
    observability: Observability = key("other", "how well the mesh is observed: a level or a block", PERFECT)
    telemetry: Telemetry = key(
        "other", "what is recorded and under which names; overrides the mesh's own block key by key", UNCHANGED
    )
    #: The seed of every draw: of what the file leaves to it, and of the run.
    seed: int = DEFAULT_SEED
    #: What the severity of every fault has been multiplied by.
    severity: float = 1.0
    #: The level of observability that an option set in place of the file's.
    level: str | None = None
    #: Whether the mesh does nothing on its own (`topology.spec.Topology.calm`).
    calm: bool = False
    #: Ids of causes that were left to the seed, wholly or in part.
    drawn: tuple[str, ...] = field(default=(), compare=False)
    #: The roles that were found in the mesh, as written in the file, by the ids of the causes that act there.
    roles: Mapping[str, str] = field(default_factory=dict, compare=False)
    #: The text it was read from, for the manifest.
    source: str = field(default="", compare=False)

    @property
    def length(self) -> float:
        """Length of the whole recording in seconds."""
        return self.lead_in + self.duration + self.recovery

    @property
    def causes(self) -> tuple[Cause, ...]:
        """Everything that it makes happen: faults, background events and actions."""
        return (*self.faults, *self.background, *self.actions)

    def window(self, cause: Cause) -> Window:
        """Return when a fault or an action of this scenario acts, in seconds from the start of the recording."""
        return cause.window_in(self.lead_in, self.duration, self.length)

    def holds(self, cause: Cause) -> bool:
        """Whether a fault or an action acts inside the recording."""
        window = self.window(cause)
        fits = window.end <= self.length + 1e-9 if cause.lasts else window.start < self.length
        return window.start >= -1e-9 and fits

    def at_severity(self, severity: float) -> Scenario:
        """Return the same scenario with the severity of every fault multiplied by a number in (0, 1]."""
        faults = tuple(replace(fault, severity=fault.severity * severity) for fault in self.faults)
        return replace(self, faults=faults, severity=self.severity * severity)
