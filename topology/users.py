"""The users of a mesh, by population: how they arrive, what they ask for, and how they react to answers. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from meshquake.topology.distributions import Constant, Distribution
from meshquake.topology.keys import key
from meshquake.topology.replay import Replay
from meshquake.topology.shapes import Shape

#: The name for the users of a workload's own `rate` and `mix`, if it has populations too.
USUAL = "usual"
#: Most users of a closed population, most requests of a session, and most attempts at one request.
MOST_USERS, MOST_STEPS, MOST_TRIES = 1_000_000, 64, 16


@dataclass(frozen=True)
class Entry:
    """An operation that users call, and its weight in the mix."""

    service: str
    operation: str
    weight: float

    def __str__(self) -> str:
        return f"{self.service}.{self.operation}"


@dataclass(frozen=True)
class Step:
    """One request of a journey."""

    service: str
    operation: str
    chance: float = key("ratio", "probability that a user who gets here makes the request", 1.0, low=0, high=1)
    needs: str = key("text", "an earlier step that must have succeeded, as service.operation", "")
    optional: bool = key("flag", "its failure does not end the session", False)

    def __str__(self) -> str:
        return f"{self.service}.{self.operation}"


@dataclass(frozen=True)
class Bursts:
    """Sources that turn on and off for random times: the share of them that is on is the strength.

    One source with exponential times is a Markov-modulated Poisson process with two states (an interrupted one, if
    `low` is 0); many sources with heavy-tailed times make traffic self-similar (Willinger et al., "Self-similarity
    through high-variability", 1997): with Pareto times of exponent alpha, the Hurst parameter is (3 - alpha) / 2.
    """

    word: ClassVar[str] = "bursts"
    on: Distribution = key("other", "how long a source is on (a distribution)")
    off: Distribution = key("other", "how long a source is off (a distribution)")
    low: float = key("ratio", "the strength while all sources are off", 0.0, low=0, high=1)
    sources: int = key("count", "number of sources", 1, low=1, high=10_000)


@dataclass(frozen=True)
class Population:
    """One kind of users.

    Exactly one of `rate` (open: they arrive however others fare), `users` (closed: a fixed number, each with one
    request at a time) and `replay` says how they arrive; `mix` or `journey` says what they ask for.
    """

    name: str
    rate: float | None = key(
        "rate",
        "open: requests per second; with a journey, sessions per second",
        None,
        low=0,
        above=True,
        high=1_000_000,
    )
    users: int | None = key("count", "closed: number of users", None, low=1, high=MOST_USERS)
    replay: Replay | None = key("other", "a file of requests and their times", None)
    mix: tuple[Entry, ...] = key("other", "weight of each entry operation", ())
    journey: tuple[Step, ...] = key("other", "requests of a session, one after another", ())
    think_time: Distribution = key("other", "pause before the next request (a distribution)", Constant(0.0))
    away: Distribution | None = key(
        "other", "pause before a user's next session (a distribution; default: think_time)", None
    )
    patience: Distribution | None = key(
        "other", "longest wait for an answer; then the user reloads or leaves (a distribution)", None
    )
    reload: float = key("ratio", "probability of a reload when patience ends", 0.0, low=0, high=1)
    retry: float = key("ratio", "probability of a retry by hand after an error", 0.0, low=0, high=1)
    retry_after: Distribution = key("other", "pause before such a retry (a distribution)", Constant(1.0))
    obeys_retry_after: bool = key("flag", "such a retry waits at least as long as the answer's `Retry-After`", False)
    tries: int = key("count", "most attempts at one request", 3, low=1, high=MOST_TRIES)
    returns: float = key("ratio", "open: probability that a user who left comes back", 0.0, low=0, high=1)
    over_time: Shape | Bursts | None = key(
        "other", "how many of them there are over time, as a share (default: 100%)", None
    )

    @property
    def answers_matter(self) -> bool:
        """Whether what its users do next depends on the answers they get."""
        return self.users is not None or bool(self.journey) or self.patience is not None or self.retry > 0

    @property
    def entries(self) -> tuple[str, ...]:
        """The entry operations that its users call, as `service.operation`."""
        if self.replay is not None:
            return tuple(self.replay.counts)
        return tuple(dict.fromkeys(map(str, self.journey or self.mix)))

    def comes_in_at(self, entry: str) -> bool:
        """Whether a surge at an entry consists of these users: they come for it alone, or all of them start there."""
        if self.answers_matter or self.replay is not None:
            return {entry} == set(self.entries[: 1 if self.journey else None])
        return entry in self.entries

    def scaled(self, factor: float) -> Population:
        """Return the same population, `factor` times as large; a replay stays as it was recorded."""
        rate = None if self.rate is None else self.rate * factor
        return replace(self, rate=rate, users=None if self.users is None else max(1, round(self.users * factor)))

    def expected(self, work: Mapping[str, float]) -> dict[str, float]:
        """Return requests per second by entry, if all its users are there and nothing fails.

        For a closed population this is an upper bound: the rate if requests took no longer than the entries' own work.

        Parameters
        ----------
        work
            Mean own work (seconds) of entry operations, by name.
        """
        if self.replay is not None:
            return {name: count / max(self.replay.length, 1.0) for name, count in self.replay.counts.items()}
        asked = self._asked()
        if self.users is None:
            assert self.rate is not None
            return {name: self.rate * times for name, times in asked.items()}
        requests = sum(asked.values())
        pauses = max(0.0, requests - 1) * self.think_time.expectation()
        pauses += (self.away or self.think_time).expectation()
        cycle = pauses + sum(times * work.get(name, 0.0) for name, times in asked.items())
        return {name: times * self.users / max(cycle, 1e-6) for name, times in asked.items()}

    def _asked(self) -> dict[str, float]:
        """Return how many times a session asks for each entry, if nothing fails."""
        if not self.journey:
            total = sum(entry.weight for entry in self.mix)
            return {str(entry): entry.weight / total for entry in self.mix}
        asked: dict[str, float] = {}
        made: dict[str, float] = {}
        for step in self.journey:
            chance = step.chance * made.get(step.needs, 1.0)
            made[str(step)] = 1 - (1 - made.get(str(step), 0.0)) * (1 - chance)
            asked[str(step)] = asked.get(str(step), 0.0) + chance
        return asked
