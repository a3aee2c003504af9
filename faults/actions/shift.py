"""Somebody shifts a service's requests from one of its versions to another: the weights of a route."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

from meshquake.faults.action import Measure
from meshquake.faults.change import Change
from meshquake.faults.fault import Surface, Target, Window
from meshquake.topology.keys import key
from meshquake.topology.problems import suggestion
from meshquake.topology.spec import Topology, Version
from meshquake.topology.units import shown


@dataclass(frozen=True, kw_only=True)
class Shift(Measure):
    """Of two versions that run side by side, `to` gets the weight `share` in the route, and `from` gets the rest.

    This works like changing the `weight`s of an Istio VirtualService. Other versions keep their weights.
    """

    kind: ClassVar[str] = "shift"
    levels: ClassVar[tuple[str, ...]] = ("service",)
    groups: ClassVar[bool] = False
    to: str = key("text", "the version that gets the share")
    from_: str = key("text", "the version that gets the rest")
    share: float = key("ratio", "weight of `to`", 1.0, low=0, high=1)

    @classmethod
    def misfit(cls, target: Target, topology: Topology) -> str:
        """Only a route with weights can be shifted."""
        service = topology.service(target.service)
        if len(service.versions) < 2:
            return f"{target} has no versions side by side to shift requests between"
        return "" if service.weighted else f"the versions of {target} have no weights: give each one in the topology"

    def problem(self, topology: Topology) -> str:
        """Both versions must exist, and differ."""
        names = [version.name for version in topology.service(self.target.service).versions]
        for name in (self.to, self.from_):
            if names and name not in names:
                return f"{self.target} has no version {shown(name)}{suggestion(name, names)}"
        return f"to and from are both {self.to}" if self.to == self.from_ else ""

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        weights = {self.to: self.share, self.from_: 1.0 - self.share}
        # The version with a share gets it first, so that there is always one to send requests to.
        changes = [
            (name, Change.made_of(Version, {"weight": weights[name]}))
            for name in sorted(weights, key=lambda name: not weights[name])
        ]
        for version, change in changes:
            mesh.configure(self.target, change, version)
        if self.for_ is None:
            return
        yield mesh.timeout(window.end - mesh.now)
        for version, change in reversed(changes):
            mesh.restore(self.target, change, version)
