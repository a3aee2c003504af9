"""More users come than usual: a campaign, a crawl, the top of the hour."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar

from faults.fault import Fault, Surface, Window
from topology.keys import key
from topology.spec import Topology


@dataclass(frozen=True, kw_only=True)
class Surge(Fault):
    """`factor` times the normal rate of requests; at severity s, 1 + s * (factor - 1) times.

    Its target is `users` for all of them, or an entry operation for those who ask for that one. The further requests
    are other users: those who would have come anyway come as before, at the same times.
    """

    kind: ClassVar[str] = "surge"
    levels: ClassVar[tuple[str, ...]] = ("users", "operation")
    factor: float = key("number", "how many times the normal rate", low=1, high=1000)

    def misfit(self, topology: Topology) -> str:
        entries = [f"{entry.service}.{entry.operation}" for entry in topology.workload.mix]
        if self.target.level == "users" or str(self.target) in entries:
            return ""
        return f"users don't ask for {self.target}; they ask for {', '.join(entries)}"

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        mesh.surge(self, (self.factor - 1) * self.severity, None if window.steady else window.level, window.end)
        yield mesh.timeout(0)
