"""All that a mesh does by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from meshquake.topology.environment.fluctuation import Fluctuation
from meshquake.topology.keys import key


@dataclass(frozen=True)
class Environment:
    """What a mesh does by itself, faults or none. Each field is a concern; without any, the mesh is calm.

    `by_service` has the types of the concerns that are told of services, by their keys: in a file, of all of them, of a
    kind or of one; here, of each that has them (`topology.environment.by_service`).
    """

    by_service: ClassVar[Mapping[str, type[Any]]] = {}
    users: tuple[Fluctuation, ...] = key(
        "spec",
        "users come and go: ups and downs of how many there are, of one time scale each",
        (),
        many=True,
        spec=Fluctuation,
    )


#: Nothing happens by itself.
CALM = Environment()
