"""All that a mesh does by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

from meshquake.topology.environment.by_service import ByService
from meshquake.topology.environment.errors import BaseErrors
from meshquake.topology.environment.fluctuation import Fluctuation
from meshquake.topology.environment.load import NOTHING, AmbientLoad
from meshquake.topology.environment.slow_mode import SlowMode
from meshquake.topology.keys import key


@dataclass(frozen=True)
class Environment:
    """What a mesh does by itself, faults or none. Each field is a concern; without any, the mesh is calm.

    `by_service` has the types of the concerns that are told of services, by their keys: in a file, of all of them, of a
    kind or of one; here, of each that has them (`topology.environment.by_service`).
    """

    by_service: ClassVar[Mapping[str, type[Any]]] = MappingProxyType(
        {"errors": BaseErrors, "slow_mode": SlowMode, "load": AmbientLoad}
    )
    users: tuple[Fluctuation, ...] = key(
        "spec",
        "users come and go: ups and downs of how many there are, of one time scale each",
        (),
        many=True,
        spec=Fluctuation,
    )
    errors: ByService[BaseErrors] = key("other", "calls that fail by themselves", ())
    slow_mode: ByService[SlowMode] = key("other", "calls that stall now and then", ())
    load: ByService[AmbientLoad] = key("other", "what else services do than the requests that are recorded", ())

    def load_of(self, service: str) -> AmbientLoad:
        """What else a service does, by its name."""
        return dict(self.load).get(service, NOTHING)


#: Nothing happens by itself.
CALM = Environment()
