"""Draws the cases of a data set: what goes wrong, or that nothing does.

Cases are strata rather than independent draws: of each five one is without an incident, the kinds of fault take turns,
so that a small set has them all, and no service is the root much more often than the others. A case is a scenario file
like any other; what it leaves to the seed is drawn when it is loaded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from meshquake.faults.draws import choose, draw
from meshquake.faults.fault import Fault, Target
from meshquake.faults.kinds import ALL, fault_kinds, harmful, lottery
from meshquake.faults.targets import candidates
from meshquake.topology.addresses import address
from meshquake.topology.spec import Topology

#: Of so many cases in a row one has no incident.
QUIET_EVERY = 5
#: Attempts with the kind of fault whose turn it is, until any kind will do; and of these, with a target.
_FAITHFUL, _STRENGTHS = 16, 2
#: The share of incidents that have a second fault.
_DOUBLE = 0.15
#: What is noise: loud for a log or a metric, and nothing that a user feels.
_NOISE = (
    "",
    "faults:\n  - surge: {target: users, factor: 2..5, at: 10%..40%, for: 20s..40s, ramp: 5s}\n",
    "faults:\n  - slow: {target: any, factor: 5..20, at: 10%..60%, for: 1s..4s}\n",
    "faults:\n  - fail: {target: any, share: 2%..6%, error: unavailable}\n",
    "faults:\n  - hog_cpu: {target: any, share: 10%..40%, at: 5%..40%, for: 20s..40s}\n",
)


@dataclass(frozen=True)
class Case:
    """A case before it is played.

    Attributes
    ----------
    name
        Says nothing of what is in it.
    quiet
        Whether it shall have no incident.
    seed
        Of its draws and its run.
    text
        Its scenario file.
    """

    name: str
    quiet: bool
    seed: int
    text: str


def kinds_of(words: Sequence[str]) -> tuple[type[Fault], ...]:
    """The kinds of fault that a data set's words stand for: `all` for all that do harm, none for the usual ones."""
    named = harmful() if ALL in words else [fault_kinds()[word] for word in words] or lottery()
    return tuple(dict.fromkeys(named))


def case(mesh: Topology, seed: int, number: int, attempt: int, words: Sequence[str] = ()) -> Case:
    """A case of a data set.

    Parameters
    ----------
    mesh
        What it will be played on; kinds of fault that fit nothing in it are left out.
    seed
        Of the data set.
    number
        Position of the case, from 0. Other cases don't change it.
    attempt
        From 0; each gives another case, in case one isn't what it shall be.
    words
        The kinds of fault that incidents have, as in `kinds_of`.
    """
    name = f"case-{address(seed, 'case', number) % 16**12:012x}"
    block, position = divmod(number, QUIET_EVERY)
    quiet = position == int(draw(seed, "quiet", block) * QUIET_EVERY)
    own = address(seed, "case", number, attempt) % 2**31
    head = [
        f"name: {name}",
        f"group: {'noise' if quiet else 'incident'}",
        f"lead_in: {60 + 60 * draw(own, 'lead_in'):.0f}s",
        f"duration: {45 + 45 * draw(own, 'duration'):.0f}s",
        f"recovery: {30 + 30 * draw(own, 'recovery'):.0f}s",
        f"rate: {20 + 20 * draw(own, 'rate'):.1f}/s",
        f"confounders: {'many' if draw(own, 'confounders') < 0.3 else 'some'}",
    ]
    # The position among those that have an incident: one of each five before it has none.
    loud = number - block - int(position > int(draw(seed, "quiet", block) * QUIET_EVERY))
    if quiet:
        body = _NOISE[int(draw(own, "noise") * len(_NOISE))]
    else:
        body = _incident(_plan(mesh, seed, tuple(words)), own, loud, attempt)
    return Case(name, quiet, own, "\n".join(head) + "\n" + body)


def _incident(plan: _Plan, own: int, position: int, attempt: int) -> str:
    """The faults of an incident; `position` is its own among the incidents of the set."""
    when = "at: 0s..10s, for: 60%..100%"
    if attempt < _FAITHFUL:
        kind, targets = plan[position]
        target = targets[attempt // _STRENGTHS % len(targets)]
        # What a kind leaves to the seed says how strong it is; where that's nothing, its severity does.
        strength = "" if kind.ranges else ", severity: 40%..100%"
        first = f'  - any: {{of: [{kind.kind}], target: "{target}", {when}{strength}}}'
    else:
        first = f"  - any: {{{plan.of}{when}}}"
    lines = ["faults:", first]
    if draw(own, "double") < _DOUBLE:
        lines.append(f"  - any: {{{plan.of}at: 0s..20s, severity: 40%..100%, for: 50%..70%}}")
    return "\n".join(lines) + "\n"


class _Plan:
    """The kind and the targets, best first, of each incident of a set, in order.

    Kinds take turns. Of the targets that fit, those come first whose services were least often a right answer so far,
    or always naming the same service would be a better guess than chance.
    """

    def __init__(self, mesh: Topology, seed: int, words: Sequence[str]) -> None:
        self._mesh = mesh
        self._seed = seed
        kinds = {kind: candidates(kind, mesh) for kind in kinds_of(words)}
        self._kinds = {kind: levels for kind, levels in kinds.items() if levels}
        #: What has to stand before the other keys of `any`, so that it is one of them.
        self.of = f"of: [{', '.join(kind.kind for kind in self._kinds)}], " if words else ""
        self._made: list[tuple[type[Fault], list[Target]]] = []
        #: How often each service was a right answer.
        self._named: Counter[str] = Counter()

    def __getitem__(self, position: int) -> tuple[type[Fault], list[Target]]:
        while len(self._made) <= position:
            kind, targets = self._next(len(self._made))
            self._made.append((kind, targets))
            self._named.update(kind.culprits(targets[0], self._mesh))
        return self._made[position]

    def _next(self, position: int) -> tuple[type[Fault], list[Target]]:
        turn, place = divmod(position, len(self._kinds))
        kind = sorted(self._kinds, key=lambda kind: draw(self._seed, "kinds", turn, kind.drawn_as()))[place]
        levels = self._kinds[kind]

        def often(target: Target) -> tuple[int, float]:
            named = max(self._named[name] for name in kind.culprits(target, self._mesh))
            return named, draw(self._seed, "target", position, target)

        return kind, sorted(levels[choose(levels, self._seed, "level", position)], key=often)


@cache
def _plan(mesh: Topology, seed: int, words: tuple[str, ...]) -> _Plan:
    return _Plan(mesh, seed, words)
