"""Draws the cases of a data set: what goes wrong in each, or that nothing does.

Cases are strata rather than independent draws. One in five has no incident; the kinds of fault take turns, so that a
small set has them all; and no service is the root much more often than the others. The meshes of a set take turns too,
and so does how loud the root should be, where a level of difficulty is requested. A case is a scenario file like any
other; what it leaves to the seed is drawn when it is loaded. It depends only on the plan and its number, so any part of
a set can be made separately.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from meshquake.faults.draws import choose, draw
from meshquake.faults.fault import Fault, Target
from meshquake.faults.kinds import ALL, fault_kinds, harmful, lottery
from meshquake.faults.levels import ROW, SEVERAL, SILENT, Level
from meshquake.faults.targets import candidates
from meshquake.topology.addresses import address
from meshquake.topology.spec import Topology

#: One case in this many has no incident.
QUIET_EVERY = 5
#: How many attempts keep to the kind of fault whose turn it is before any kind will do: in all, and for each target.
_FAITHFUL, _EACH = 16, 4
#: How many of these in a row keep one target.
_STRENGTHS = 2
#: The share of incidents with a second fault, where no level is requested.
_DOUBLE = 0.15
#: Noise: loud in a log or a metric, but not felt by users.
_NOISE = (
    "",
    "faults:\n  - surge: {target: users, factor: 2..5, at: 10%..40%, for: 20s..40s, ramp: 5s}\n",
    "faults:\n  - slow: {target: any, factor: 5..20, at: 10%..60%, for: 1s..4s}\n",
    "faults:\n  - fail: {target: any, share: 2%..6%, error: unavailable}\n",
    "faults:\n  - hog_cpu: {target: any, share: 10%..40%, at: 5%..40%, for: 20s..40s}\n",
)
#: The indicator of faults whose roots report nothing about themselves any more. At a level, the silent roots are taken
#: from these first, and these are used where no other root is quiet enough.
_GONE = "availability"


@dataclass(frozen=True)
class Plan:
    """What the cases of a set are drawn from.

    Attributes
    ----------
    meshes
        What they are played on; a kind of fault that fits nothing in one mesh is used in the others.
    seed
        The seed of the set.
    words
        The kinds of fault that incidents have, as in `kinds_of`.
    level
        How hard they should be; None for no requirement.
    lead_in
        Healthy time (seconds) before each incident; None for one or two minutes, by chance.
    """

    meshes: tuple[Topology, ...]
    seed: int
    words: tuple[str, ...] = ()
    level: Level | None = None
    lead_in: float | None = None


@dataclass(frozen=True)
class Case:
    """A case before it is played.

    Attributes
    ----------
    name
        Reveals nothing about its contents.
    mesh
        Which of the meshes it is played on.
    kind
        The kind of fault whose turn it is; None if it should have no incident.
    band
        How loud its root should be; None if that does not matter.
    seed
        The seed of its draws and its run.
    text
        Its scenario file.
    faithful
        Whether its fault is of the kind whose turn it is, rather than of any kind; True if it has no incident.
    """

    name: str
    mesh: int
    kind: str | None
    band: str | None
    seed: int
    text: str
    faithful: bool

    @property
    def quiet(self) -> bool:
        """Whether it should have no incident."""
        return self.kind is None


def kinds_of(words: Sequence[str]) -> tuple[type[Fault], ...]:
    """Return the kinds of fault that a data set's words name: `all` for every harmful kind, none for the usual ones."""
    named = harmful() if ALL in words else [fault_kinds()[word] for word in words] or lottery()
    return tuple(dict.fromkeys(named))


def case(plan: Plan, number: int, attempt: int) -> Case:
    """Return a case of a data set.

    Parameters
    ----------
    plan
        What it is drawn from.
    number
        Position of the case, from 0. It does not depend on other cases.
    attempt
        From 0; each gives another case, for when one is not as required.
    """
    seed = plan.seed
    name = f"case-{address(seed, 'case', number) % 16**12:012x}"
    block, position = divmod(number, QUIET_EVERY)
    place = int(draw(seed, "quiet", block) * QUIET_EVERY)
    own = address(seed, "case", number, attempt) % 2**31
    if position == place:
        slot, body = None, _NOISE[int(draw(own, "noise") * len(_NOISE))]
        mesh = _in_turn(len(plan.meshes), seed, "quiet mesh", block)
    else:
        # The position among cases with an incident: one in each earlier block of five has none.
        slots = _slots(plan)
        slot = slots[number - block - int(position > place)]
        mesh, body = slot.mesh, slots.faults(slot, own, attempt)
    head = [
        f"name: {name}",
        f"group: {'noise' if slot is None else 'incident'}",
        f"lead_in: {60 + 60 * draw(own, 'lead_in') if plan.lead_in is None else plan.lead_in:.0f}s",
        f"duration: {45 + 45 * draw(own, 'duration'):.0f}s",
        f"recovery: {30 + 30 * draw(own, 'recovery'):.0f}s",
        f"rate: {_rate(plan, mesh, draw(own, 'rate')):.1f}/s",
        f"confounders: {_confounders(plan.level, draw(own, 'confounders'))}",
    ]
    text = "\n".join(head) + "\n" + body
    if slot is None:
        return Case(name, mesh, None, None, own, text, faithful=True)
    return Case(name, mesh, slot.kind.kind, slot.band, own, text, slot.faithful(attempt))


def _rate(plan: Plan, mesh: int, at: float) -> float:
    """Return requests per second: with a level, about the rate that the mesh is made for."""
    return 20 + 20 * at if plan.level is None else plan.meshes[mesh].workload.rate * (0.75 + 0.5 * at)


def _confounders(level: Level | None, at: float) -> str:
    if level is not None and at >= 1 - level.loud:
        return "loud"
    return "many" if at < 0.3 else "some"


def _in_turn(count: int, seed: int, what: str, number: int) -> int:
    """Return one of `count` things that take turns, in a new order each round."""
    turn, place = divmod(number, count)
    return sorted(range(count), key=lambda index: draw(seed, what, turn, index))[place]


@dataclass(frozen=True)
class _Slot:
    """What an incident of a set should be: its kind, mesh and targets (best first), and how loud its root is.

    `second` is the kind of its second fault: empty if it has none, None if chance decides.
    """

    kind: type[Fault]
    mesh: int
    targets: list[Target]
    band: str | None
    second: str | None

    def faithful(self, attempt: int) -> bool:
        """Whether an attempt keeps to the kind: if users do not feel it at a few targets, they feel it nowhere."""
        return attempt < min(_FAITHFUL, _EACH * len(self.targets))


class _Slots:
    """The slots of the incidents of a set, in order.

    Kinds take turns, and for each kind the meshes that it fits. Of the targets that fit, those come first whose
    services have least often been a right answer so far; otherwise always naming the same service would beat chance.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._seed = plan.seed
        fitting = {
            kind: {index: levels for index, mesh in enumerate(plan.meshes) if (levels := candidates(kind, mesh))}
            for kind in kinds_of(plan.words)
        }
        #: The meshes that each kind fits, with its targets there.
        self._kinds = {kind: meshes for kind, meshes in fitting.items() if meshes}
        self._made: list[_Slot] = []
        #: How often each mesh was used, and how often each of its services was a right answer.
        self._used: Counter[int] = Counter()
        self._named: Counter[tuple[int, str]] = Counter()

    def __getitem__(self, position: int) -> _Slot:
        while len(self._made) <= position:
            slot = self._next(len(self._made))
            self._made.append(slot)
            self._used[slot.mesh] += 1
            self._named.update((slot.mesh, name) for name in self._culprits(slot.kind, slot.mesh, slot.targets[0]))
        return self._made[position]

    def faults(self, slot: _Slot, own: int, attempt: int) -> str:
        """Return the faults of an incident, as part of a scenario file."""
        when = "at: 0s..10s, for: 60%..100%"
        # It must come before the other keys of `any`, to become one of them.
        of = f"of: [{', '.join(self._words(slot.mesh))}], " if self._plan.words else ""
        if slot.faithful(attempt):
            target = slot.targets[attempt // _STRENGTHS % len(slot.targets)]
            # The values that a kind leaves to the seed set its strength; if there are none, its severity does.
            strength = "" if slot.kind.ranges else ", severity: 40%..100%"
            first = f'  - any: {{of: [{slot.kind.kind}], target: "{target}", {when}{strength}}}'
        else:
            gone = [word for word in self._words(slot.mesh) if fault_kinds()[word].indicator == _GONE]
            words = f"of: [{', '.join(gone)}], " if gone and slot.band in (SEVERAL, SILENT) else of
            first = f"  - any: {{{words}{when}}}"
        lines = ["faults:", first]
        if slot.second or (slot.second is None and draw(own, "double") < _DOUBLE):
            of = f"of: [{slot.second}], " if slot.second else of
            lines.append(f"  - any: {{{of}at: 0s..20s, severity: 40%..100%, for: 50%..70%}}")
        return "\n".join(lines) + "\n"

    def _next(self, position: int) -> _Slot:
        kind = self._kind("kinds", position)
        meshes = self._kinds[kind]
        mesh = min(meshes, key=lambda index: (self._used[index], draw(self._seed, "mesh", position, index)))
        levels = meshes[mesh]

        def often(target: Target) -> tuple[int, float]:
            named = max(self._named[mesh, name] for name in self._culprits(kind, mesh, target))
            return named, draw(self._seed, "target", position, target)

        targets = sorted(levels[choose(levels, self._seed, "level", position)], key=often)
        level = self._plan.level
        if level is None:
            return _Slot(kind, mesh, targets, None, None)
        return _Slot(kind, mesh, targets, self._band(level, position), self._second(level, position, mesh))

    def _kind(self, what: str, position: int) -> type[Fault]:
        """Return the kind whose turn it is."""
        turn, place = divmod(position, len(self._kinds))
        return sorted(self._kinds, key=lambda kind: draw(self._seed, what, turn, kind.drawn_as()))[place]

    def _band(self, level: Level, position: int) -> str:
        """Return how loud a root should be; roots that report nothing any more get the quietest bands of their row."""
        row, place = divmod(position, ROW)

        def loudness(other: int) -> tuple[bool, float]:
            number = row * ROW + other
            return self._kind("kinds", number).indicator != _GONE, draw(self._seed, "band", number)

        return level.row(row)[sorted(range(ROW), key=loudness).index(place)]

    def _second(self, level: Level, position: int, mesh: int) -> str:
        """Return the kind of an incident's second fault, which takes turns too; empty if it has none."""
        rows, place = divmod(position, 2 * ROW)
        order = sorted(range(2 * ROW), key=lambda other: draw(self._seed, "double", rows, other))
        number = order.index(place)
        if number >= level.doubles:
            return ""
        kind = self._kind("second", rows * level.doubles + number).kind
        words = self._words(mesh)
        return kind if kind in words else choose(words, self._seed, "second", position)

    def _words(self, mesh: int) -> list[str]:
        """Return the kinds that fit a mesh."""
        return [kind.kind for kind, meshes in self._kinds.items() if mesh in meshes]

    def _culprits(self, kind: type[Fault], mesh: int, target: Target) -> tuple[str, ...]:
        return kind.culprits(target, self._plan.meshes[mesh])


@cache
def _slots(plan: Plan) -> _Slots:
    return _Slots(plan)
