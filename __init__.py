"""meshquake simulates an incident in a service mesh and writes the telemetry it leaves.

    from meshquake import Fixture, cascade, ensemble, simulate

    metrics, logs, traces, events = cascade(duration=60, seed=7)  # lists of plain dicts
    for batch in simulate("cascade", seed=1, duration=3600):      # polars frames, in bounded memory
        ...
    fixture = Fixture("output/fixtures/incidents/cascade")        # what `meshquake cascade` wrote
    ensemble("cascade", vary={"rate": [10, 20, 30]}).cells        # means of many runs, with intervals

The names in `__all__` are the public interface, with `meshquake.extending` for plug-ins and `meshquake.agents` for
agents. Everything else is private: it may change in any version.

The rooms, each of which imports only from those to its left:

    topology <- faults <- sim <- truth <- ensembles <- exporters <- agents <- commands
    what the    what      what   what     what many    what is      who       the command
    mesh is     goes      hap-   was      runs say     seen         looks     line
                wrong     pens   wrong                              at it
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meshquake.exporters.ensembles.api import Ensemble, ensemble
    from meshquake.exporters.fixtures.fixture import Fixture
    from meshquake.exporters.fixtures.manifest import ManifestError
    from meshquake.sim.api import (
        Records,
        Settings,
        cascade,
        degradation,
        deployment,
        noise,
        normal,
        outage,
        simulate,
    )
    from meshquake.sim.records import Batch
    from meshquake.sim.version import VERSION as __version__  # noqa: N811 - its name in packages
    from meshquake.topology.exceptions import MeshquakeError
    from meshquake.topology.plugins import PluginError
    from meshquake.topology.problems import DocumentError, Problem

__all__ = [
    "Batch",
    "DocumentError",
    "Ensemble",
    "Fixture",
    "ManifestError",
    "MeshquakeError",
    "PluginError",
    "Problem",
    "Records",
    "Settings",
    "__version__",
    "cascade",
    "degradation",
    "deployment",
    "ensemble",
    "noise",
    "normal",
    "outage",
    "simulate",
]

#: Where each name is found. It is imported when it is first asked for: `import meshquake` costs nothing.
_HOMES = {
    "Batch": "sim.records",
    "DocumentError": "topology.problems",
    "Ensemble": "exporters.ensembles.api",
    "Fixture": "exporters.fixtures.fixture",
    "ManifestError": "exporters.fixtures.manifest",
    "MeshquakeError": "topology.exceptions",
    "PluginError": "topology.plugins",
    "Problem": "topology.problems",
    "ensemble": "exporters.ensembles.api",
} | dict.fromkeys(
    ("Records", "Settings", "cascade", "degradation", "deployment", "noise", "normal", "outage", "simulate"), "sim.api"
)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value = import_module("meshquake.sim.version").VERSION
    elif name in _HOMES:
        value = getattr(import_module(f"meshquake.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module 'meshquake' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
