"""Someone changes a setting, and it has no effect."""

from collections.abc import Generator
from dataclasses import dataclass
from math import inf
from typing import Any, ClassVar

from meshquake.faults.fault import Fault, Surface, Window
from meshquake.topology.keys import key


@dataclass(frozen=True, kw_only=True)
class Configure(Fault):
    """A harmless configuration change: it leaves an event and does nothing else."""

    kind: ClassVar[str] = "configure"
    levels: ClassVar[tuple[str, ...]] = ("service",)
    indicator: ClassVar[str] = "config"
    aliases: ClassVar[tuple[str, ...]] = ("configuration",)
    harmless: ClassVar[bool] = True
    ramps: ClassVar[bool] = False
    lasts: ClassVar[bool] = False
    setting: str = key("text", "name of the setting", "log.sampling")
    value: str = key("text", "its new value", "default")

    def run(self, mesh: Surface, window: Window) -> Generator[Any, Any, None]:
        for target in self.all_targets:
            mesh.announce("config_change", target.service, setting=self.setting, value=self.value)
        yield mesh.timeout(inf)  # the setting stays
