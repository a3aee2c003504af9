"""A fault: a target, a window, and what it does to the mesh while the window is open.

A kind of fault is one file in `faults/kinds/`: a frozen dataclass derived from `Fault`, whose fields are made by
`topology.keys.key`. Its declaration is also its grammar in scenario files and its row in the documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Any, ClassVar, Protocol

from meshquake.faults.change import Change
from meshquake.faults.effect import Effect
from meshquake.faults.release import Release
from meshquake.topology.binder import ByHand
from meshquake.topology.document import Document, Node
from meshquake.topology.keys import key
from meshquake.topology.shapes import OnOff, Shape
from meshquake.topology.spec import Topology
from meshquake.topology.units import duration, parse_duration, parse_ratio, ratio


@dataclass(frozen=True)
class Target:
    """What a fault acts on; `level` says which of the fields are set.

    Written `service`, `service[replica]`, `service.operation`, `caller -> callee`, or `users` for all users. On an
    edge, `replica` is the caller's and `callee_replica` the callee's, where only one replica of either is meant:
    `caller[0] -> callee[1]`.
    """

    level: str
    service: str = ""
    replica: int | None = None
    operation: str | None = None
    callee: str | None = None
    callee_replica: int | None = None

    def covers(self, service: str, replica: int) -> bool:
        """Whether a replica, given by its service and its number, is the target or belongs to it."""
        return self.service == service and self.callee is None and self.replica in (None, replica)

    def __str__(self) -> str:
        if self.level == "edge":
            return f"{_one(self.service, self.replica)} -> {_one(self.callee, self.callee_replica)}"
        if self.level == "replica":
            return _one(self.service, self.replica)
        if self.level == "operation":
            return f"{self.service}.{self.operation}"
        return self.service or "users"


def _one(service: str | None, replica: int | None) -> str:
    return f"{service}" if replica is None else f"{service}[{replica}]"


#: The levels that a target may have.
LEVELS = ("service", "replica", "operation", "edge", "users")
#: The longest time of a fault: a year in seconds, or a hundred times the incident.
LONGEST, LARGEST = 366 * 86400.0, 100.0


@dataclass(frozen=True)
class Extent:
    """A time in a scenario: seconds, or a share of the incident's duration, which the user may change."""

    seconds: float = 0.0
    share: float = 0.0

    def of(self, length: float) -> float:
        """The time in seconds for an incident of `length` seconds."""
        return self.seconds + self.share * length

    @staticmethod
    def parse(text: str, negative: bool = False) -> Extent:
        """Read a time such as `30s`, or a share of the incident such as `50%`; ValueError if it is neither."""
        share = parse_ratio(text) if text.endswith("%") else 0.0
        seconds = 0.0 if text.endswith("%") else parse_duration(text)
        if min(share, seconds) < 0 and not negative:
            raise ValueError(f"must be at least 0, not {text}")
        if abs(share) > LARGEST or abs(seconds) > LONGEST:
            raise ValueError(f"must be at most {ratio(LARGEST)} or {duration(LONGEST)}, not {text}")
        return Extent(seconds, share)

    def __str__(self) -> str:
        """Return the extent as written in a scenario file."""
        return ratio(self.share) if self.share else duration(self.seconds)


@dataclass(frozen=True)
class Window:
    """When a fault acts: from `start`, rising linearly to full strength at `full`, until `end` (seconds).

    With a `shape`, the full strength varies meanwhile.
    """

    start: float
    full: float
    end: float
    shape: Shape | None = None

    def level(self, time: float) -> float:
        """Return the strength in [0, 1] at `time`."""
        if time < self.start or time >= self.end:
            return 0.0
        whole = 1.0 if self.shape is None else self.shape.level(time - self.start, self.end - self.start)
        return whole if time >= self.full else whole * (time - self.start) / (self.full - self.start)

    def phases(self) -> Iterator[tuple[float, float]]:
        """Yield the start and end of each phase of an all-or-nothing fault: one, or each `on` of an `on_off` shape."""
        on, off = (self.shape.on, self.shape.off) if isinstance(self.shape, OnOff) else (inf, 0.0)
        begin = self.start
        while begin < self.end:
            yield begin, min(begin + on, self.end)
            begin += on + off

    @property
    def steady(self) -> bool:
        """Whether the strength is the same throughout."""
        return self.full <= self.start and self.shape is None


class Surface(Protocol):
    """What a fault may do to a mesh: all that faults know of the simulator.

    `level` arguments are functions of simulated time that give a strength in [0, 1].
    """

    @property
    def now(self) -> float:
        """The simulated time in seconds."""

    def timeout(self, delay: float) -> Any:
        """Return an event that occurs `delay` seconds from now, for a fault's process to yield."""

    def push(self, fault: Fault, level: Callable[[float], float] | None) -> Any:
        """Apply `fault.effect` to the targets of `fault` from now on; at full strength if there is no `level`."""

    def pop(self, modifier: Any) -> None:
        """Take back the effect for which `push` returned `modifier`, and no other."""

    def stop(self, target: Target) -> None:
        """Kill the replicas of the target: work in progress is lost, connections are reset."""

    def start(self, target: Target) -> None:
        """Start them again; they take calls once a readiness probe succeeds."""

    def sever(self, fault: Fault, share: float, number: int) -> None:
        """Reset a share of the connections on the target's edge; `number` tells the resets of one fault apart."""

    def restart(self, target: Target, gracefully: bool = True) -> Generator[Any, Any, None]:
        """End the processes of the target's replicas and start them again, each once the one before it is ready.

        With `gracefully`, a replica is drained first; it takes calls again once it is ready.
        """

    def surge(
        self,
        fault: Fault,
        extra: float,
        level: Callable[[float], float] | None,
        end: float,
        population: str | None = None,
    ) -> None:
        """Add `extra` times the normal rate of users at full strength, or remove them, until the time `end`.

        With the name of a `population`, only its users change in number.
        """

    def leak(self, fault: Fault, rate: float, level: Callable[[float], float], end: float) -> Generator[Any, Any, None]:
        """Leak `rate` bytes per second and replica at full strength, until the time `end`; a kill frees the memory."""

    def deploy(self, fault: Fault, release: Release, deployment: str | None = None) -> Generator[Any, Any, bool]:
        """Release a version under which `fault.effect` acts on the fault's target; return whether it stayed.

        Of versions that run side by side, `deployment` is the one that it replaces.
        """

    def scale(self, target: Target, replicas: int, deployment: str | None = None) -> None:
        """Set the number of replicas of the target service, or of one of its versions that run side by side."""

    def configure(self, target: Target, change: Change, deployment: str | None = None) -> None:
        """Change settings of the target, or of one of its versions, from now on, for everything that it does next."""

    def restore(self, target: Target, change: Change, deployment: str | None = None) -> None:
        """Take back such a change, and no other."""

    def withdrawn(self, fault: Fault) -> Any:
        """Return an event that occurs when an operator has taken back what remained of a fault's release."""

    def roll_back(self, target: Target, deployment: str | None, by: str) -> Generator[Any, Any, None]:
        """Take back the newest release of the target that has not been taken back; `by` is the id of the action."""

    def take_out(self, target: Target) -> None:
        """Send the target's replicas no new calls, however well they answer their probes."""

    def put_back(self, target: Target) -> None:
        """Send them calls again, once every `take_out` has had its `put_back`."""

    def mend(self, target: Target, fault: str | None) -> None:
        """End the mendable faults that act at the target, or only the one with the id `fault`."""

    def announce(self, name: str, service: str, **values: Any) -> None:
        """Note something harmless, by its name in the catalogue of notices (`sim/telemetry`)."""


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What a scenario makes happen to a target at a given time: a fault, or an operator's action (`faults.action`)."""

    kind: ClassVar[str]
    #: What messages call such a cause.
    what: ClassVar[str]
    levels: ClassVar[tuple[str, ...]] = ("service", "replica", "operation")
    #: Levels at which the seed never chooses a target.
    undrawn: ClassVar[tuple[str, ...]] = ()
    #: Whether its strength can ramp up; without that it is at full strength from its start.
    ramps: ClassVar[bool] = False
    #: Whether a scenario sets how long it acts; if not, it acts until it is done, or for good.
    lasts: ClassVar[bool] = True
    #: Whether it can have several targets.
    groups: ClassVar[bool] = True
    #: Keys that are left to the seed where it chooses the kind, as a scenario file would write them.
    ranges: ClassVar[Mapping[str, str]] = {}

    id: str = key("text", "identifies it and its random draws (default: its kind and number)", "")
    target: Target = key("other", "what it acts on")
    targets: tuple[Target, ...] = key(
        "other", "instead of `target`: everything it acts on at once, as a single cause", ()
    )
    at: Extent = key(
        "other", "when it starts, counted from the start of the incident: a time, or % of its duration", Extent()
    )

    @property
    def all_targets(self) -> tuple[Target, ...]:
        """All of its targets, starting with the one that represents them."""
        return self.targets or (self.target,)

    def effect(self, level: float) -> Effect:
        """Return what it changes at a strength in [0, 1] (a fault's severity is already included in `level`)."""
        return Effect()

    @classmethod
    def readers(cls, document: Document, entries: Mapping[str, Node]) -> ByHand:
        """Return how its keys of unit "other" are read (`topology.binder`), given the entries of its block."""
        return {}

    @classmethod
    def settings_of(cls, word: str, entries: Mapping[str, Node]) -> type | None:
        """Return the type whose keys the block under `word` has, if ranges in it may be left to the seed; else None."""
        return None

    @classmethod
    def misfit(cls, target: Target, topology: Topology) -> str:
        """Return why such a cause cannot act on a target that the mesh has; empty if it can."""
        return ""

    @classmethod
    def unclear(cls, target: Target, topology: Topology) -> str:
        """Return why a target alone is ambiguous, so that neither the seed nor a role chooses it; empty if it isn't."""
        return ""

    def problem(self, topology: Topology) -> str:
        """Return why it cannot act in a mesh though its targets and keys are valid; empty if it can."""
        return ""

    def strength(self, level: float) -> Effect:
        """Return what it changes at a level of its window."""
        return self.effect(level)

    def window_in(self, lead_in: float, duration: float, length: float) -> Window:
        """Return when it acts, in seconds from the start of a recording of `length` seconds with the incident in it."""
        raise NotImplementedError

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        """Run it as a SimPy process, which begins when its window opens and ends when it no longer acts."""
        raise NotImplementedError


class Mended(Exception):  # noqa: N818 - a signal to the process of a fault, and no error
    """An operator has mended a fault: raised in the fault's process, which then ends.

    What the process has pushed is taken back for it. A kind that does more takes that back itself.
    """


def lasting(mesh: Surface, seconds: float) -> Generator[Any, Any, bool]:
    """Wait for some time, or until somebody mends the waiting fault; return whether somebody did."""
    try:
        yield mesh.timeout(seconds)
    except Mended:
        return True
    return False


@dataclass(frozen=True, kw_only=True)
class Fault(Cause):
    """A fault of some kind. `severity` in (0, 1] scales its strength; each kind says what that means."""

    what: ClassVar[str] = "fault"
    #: The former name of a kind that was renamed. Files may still use it, and the seed keeps drawing by it: draws are
    #: addressed by that word, so a new one would change every run in which the kind could be drawn.
    former: ClassVar[str] = ""
    #: What it disturbs first, in a word that a diagnosis may use, and synonyms of that word.
    indicator: ClassVar[str] = "errors"
    aliases: ClassVar[tuple[str, ...]] = ()
    #: Whether it harms nobody in a mesh with some room, so that the seed does not choose it as a fault.
    harmless: ClassVar[bool] = False
    #: Whether the seed may choose it where a file does not name it. A kind added in a later version is not drawn,
    #: because that would change existing runs of the same seed; a file can name it, also in `any: {of: [...]}`.
    drawn: ClassVar[bool] = True
    ramps: ClassVar[bool] = True
    #: The shapes that it may have even without a ramp, by their words, and what to write in place of others.
    shapes: ClassVar[tuple[str, ...]] = ()
    unshaped: ClassVar[str] = "is all or nothing: write it several times, each with its own at"
    #: Whether an operator can mend it before it is over (`faults.actions.mend`).
    mendable: ClassVar[bool] = True

    for_: Extent = key("other", "how long it lasts: a time, or % of the incident's duration", Extent(share=1.0))
    ramp: Extent = key("other", "time to reach full strength: a time, or % of the incident's duration", Extent())
    shape: Shape | None = key("other", "how its strength varies while it acts (default: constant)", None)
    severity: float = key("ratio", "scales its strength", 1.0, low=0, above=True, high=1)

    @classmethod
    def drawn_as(cls) -> str:
        """Return the word by which the seed draws the kind, and after which a drawn fault is named."""
        return cls.former or cls.kind

    def acts(self, window: Window) -> Window:
        """Return when it acts if a scenario gives it this window."""
        if self.ramps:
            return window
        shape = window.shape if window.shape is not None and window.shape.word in self.shapes else None
        return replace(window, full=window.start, shape=shape)

    def roots(self, topology: Topology) -> tuple[str, ...]:
        """Return the services that a diagnosis may name as its root cause, the most telling one first."""
        return tuple(dict.fromkeys(name for each in self.all_targets for name in self.culprits(each, topology)))

    def strength(self, level: float) -> Effect:
        """Return what it changes at a level of its window, scaled by its severity."""
        return self.effect(self.severity * level)

    def window_in(self, lead_in: float, duration: float, length: float) -> Window:
        """From `at` on for its length, rising over its ramp."""
        start = lead_in + self.at.of(duration)
        full, end = start + self.ramp.of(duration), start + self.for_.of(duration)
        return Window(start, full, end, self.shape)

    @property
    def crowd(self) -> float:
        """How many additional users it brings at full strength, as a multiple of the usual number."""
        return 0.0

    @classmethod
    def misshapen(cls, shape: Shape) -> str:
        """Return what is wrong with a shape of its strength; empty if nothing is."""
        if cls.ramps:
            return ""
        if shape.word not in cls.shapes:
            return cls.unshaped
        return "is all or nothing, so its shape cannot have a low" if isinstance(shape, OnOff) and shape.low else ""

    @classmethod
    def culprits(cls, target: Target, topology: Topology) -> tuple[str, ...]:
        """Return the services that a diagnosis may name for a fault on one target, the most telling one first."""
        return (target.service,)

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        """Run the fault as a SimPy process, which begins when its window opens and ends when the fault no longer acts.

        Most faults are an effect for as long as the window is open; a kind that does more (stop a replica, roll out a
        version) overrides this.
        """
        modifier = mesh.push(self, None if window.steady else window.level)
        yield mesh.timeout(window.end - mesh.now)
        mesh.pop(modifier)
