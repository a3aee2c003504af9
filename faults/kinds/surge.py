"""More users come than usual, or fewer: a marketing campaign, a crawler, the top of the hour; a dead link."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from meshquake.faults.fault import Fault, Surface, Target, Window
from meshquake.topology.keys import key
from meshquake.topology.naming import parts
from meshquake.topology.problems import suggestion
from meshquake.topology.spec import Topology
from meshquake.topology.units import shown
from meshquake.topology.users import USUAL


@dataclass(frozen=True, kw_only=True)
class Surge(Fault):
    """Requests come at `factor` times the normal rate; at severity s, 1 + s * (factor - 1) times.

    The target is `users` for all of them, or an entry operation for the users of that entry. The extra requests come
    from additional users; the usual ones come as before, at the same times. With a factor below 1, that share of the
    usual users comes; with 0, nobody does. With `population`, only the users of that population become more or fewer.
    """

    kind: ClassVar[str] = "surge"
    levels: ClassVar[tuple[str, ...]] = ("users", "operation")
    indicator: ClassVar[str] = "load"
    aliases: ClassVar[tuple[str, ...]] = ("traffic", "request_rate")
    mendable: ClassVar[bool] = False
    ranges: ClassVar[Mapping[str, str]] = {"factor": "3..15"}
    factor: float = key("number", "multiple of the normal rate", low=0, high=1000)
    population: str | None = key("text", "name of the population that changes (default: all users)", None)

    @classmethod
    def misfit(cls, target: Target, topology: Topology) -> str:
        """Users call entry operations only."""
        entries = [f"{entry.service}.{entry.operation}" for entry in topology.workload.mix]
        if target.level == "users" or str(target) in entries:
            return ""
        return f"users do not ask for {target}; they ask for {', '.join(entries)}"

    @classmethod
    def culprits(cls, target: Target, topology: Topology) -> tuple[str, ...]:
        """The target's service or, for all users, the services at which they come in."""
        if target.level != "users":
            return (target.service,)
        return tuple(dict.fromkeys(entry.service for entry in topology.workload.mix))

    def roots(self, topology: Topology) -> tuple[str, ...]:
        """For a single population, the services at which it comes in."""
        for population in topology.workload.populations:
            if population.name == self.population and self.target.level == "users":
                names = {service.name for service in topology.services}
                return tuple(dict.fromkeys(parts(entry, names)[0] for entry in population.entries))
        return super().roots(topology)

    def problem(self, topology: Topology) -> str:
        """The population must exist, and come in where the targets are."""
        populations = {each.name: each for each in topology.workload.populations}
        if self.population is None or (not populations and self.population == USUAL):
            return ""
        if self.population not in populations:
            names = list(populations) or [USUAL]
            return f"there is no population {shown(self.population)}{suggestion(self.population, names)}"
        population = populations[self.population]
        for target in self.all_targets:
            if target.level == "operation" and not population.comes_in_at(str(target)):
                entries = ", ".join(population.entries)
                return f"those at {target} cannot be told apart from the other {population.name}, who ask for {entries}"
        return ""

    @property
    def crowd(self) -> float:
        """The additional users; negative for usual ones that stay away."""
        return (self.factor - 1) * self.severity

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        mesh.surge(self, self.crowd, None if window.steady else window.level, window.end, self.population)
        yield mesh.timeout(0)
