"""The remedies of an operator, each implemented by an action of a scenario.

Whether a remedy fits the mesh is checked by the loader of scenarios, which handles all actions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from meshquake.agents.tools.tool import Arguments, ToolError
from meshquake.exporters.fixtures.violations import violations
from meshquake.exporters.live.steering import Refused, checked_keys
from meshquake.topology.json_schema import Schema, block, count, flag, number, text
from meshquake.topology.problems import suggestion
from meshquake.topology.units import duration, shown
from meshquake.truth.remedies import Remedy

_LINE: Final = r"^[^\x00-\x1f]{1,200}$"
_TARGET: Final = "what to act on"
_SERVICE = text(f"{_TARGET}: a service", pattern=_LINE, format="target", examples=["database"])
_REPLICA = text(f"{_TARGET}: a replica", pattern=_LINE, format="target", examples=["database[0]"])
_EITHER = _SERVICE | {"description": f"{_TARGET}: a service, or a replica of it (database[0])"}
_PLACE = text(
    f"{_TARGET}: a service (database), a replica (database[0]), an operation (database.select) or an edge "
    "(order-service -> database)",
    pattern=_LINE,
    format="target",
    examples=["order-service -> database"],
)
_SECONDS = number(
    "simulated seconds after which it is undone; default: never", exclusiveMinimum=0, maximum=86_400, examples=[60]
)
_VERSION = text("which of the versions that run side by side", pattern=_LINE)


@dataclass(frozen=True)
class Control:
    """A remedy that operators can apply.

    Attributes
    ----------
    name, doc
        Its name, and its effect.
    kind, keys
        The kind of action that implements it, and a function from arguments to the keys of that action.
    required, optional
        Its arguments, by name.
    """

    name: str
    doc: str
    kind: str
    keys: Callable[[Arguments], dict[str, Any]]
    required: Mapping[str, Schema]
    optional: Mapping[str, Schema] = field(default_factory=dict)

    def remedy(self, arguments: Mapping[str, Any]) -> Remedy:
        """Build the action for arguments as JSON has them.

        Raises
        ------
        agents.tools.tool.ToolError
            If arguments are invalid, with a line for each problem.
        """
        try:
            plain = json.loads(json.dumps({**arguments}, allow_nan=False))
        except (TypeError, ValueError, RecursionError):
            raise ToolError(f"{self.name}: arguments must be JSON: texts, finite numbers, lists and objects") from None
        schema = block("", self.required, self.optional)
        found = [f"{each.path}: {each.message}".removeprefix(": ") for each in violations(schema, plain, FORMATS)]
        if found:
            known = ", ".join([*self.required, *(f"[{name}]" for name in self.optional)])
            raise ToolError(*found, f"{self.name} takes {known}")
        try:
            return self.kind, dict(checked_keys(self.keys(plain)))
        except Refused as error:
            raise ToolError(*error.args) from None


def target(text: str) -> str:
    """Return what is wrong with a target: unlike in a scenario, it can't be left to the seed."""
    return "say which: nothing is drawn here" if text.strip() == "any" else ""


#: Checks of arguments that name something.
FORMATS: Final = {"target": target}


def _same(**words: str) -> Callable[[Arguments], dict[str, Any]]:
    """Map keys of the action to names of arguments; arguments that weren't given are left out."""

    def keys(arguments: Arguments) -> dict[str, Any]:
        return {word: arguments[name] for word, name in words.items() if name in arguments} | _taken_back(arguments)

    return keys


def _taken_back(arguments: Arguments) -> dict[str, Any]:
    seconds = arguments.get("seconds")
    return {} if seconds is None else {"for": duration(max(0.001, round(seconds, 3)))}


def _shift(arguments: Arguments) -> dict[str, Any]:
    keys = _same(**{"target": "target", "to": "to_version", "from": "from_version"})(arguments)
    return {**keys, "share": f"{arguments.get('share', 1.0):.12g}"}


CONTROLS: Final[tuple[Control, ...]] = (
    Control(
        "restart",
        "Restart a service replica by replica, or one replica: what its processes leaked, held or waited for is gone. "
        "A replica finishes its calls first, for up to 30 s, unless graceful is false.",
        "restart",
        _same(target="target", graceful="graceful"),
        {"target": _EITHER},
        {"graceful": flag("whether calls in progress are finished first; default: true")},
    ),
    Control(
        "roll_back",
        "Take a release back: the replicas of a service, or one of them, get the version that they had before its "
        "newest release. Where nothing was released, nothing happens.",
        "rollback",
        _same(target="target", deployment="deployment"),
        {"target": _EITHER},
        {"deployment": _VERSION},
    ),
    Control(
        "scale",
        "Set the number of replicas of a service. New ones take calls once they are ready.",
        "scale",
        _same(target="target", to="replicas", deployment="deployment"),
        {"target": _SERVICE, "replicas": count("the new number of replicas", minimum=1, maximum=1000)},
        {"deployment": _VERSION},
    ),
    Control(
        "drain",
        "Take a replica out of rotation: it gets no new calls and finishes those that it has.",
        "drain",
        _same(target="target"),
        {"target": _REPLICA},
        {"seconds": _SECONDS},
    ),
    Control(
        "set_policy",
        "Change settings of an edge (timeout, retry, breaker, pool, bulkhead, ...) or of a service (queue, rate_limit, "
        "...). Calls under way keep to the settings that they were sent with.",
        "change",
        _same(target="target", set="settings", deployment="deployment"),
        {
            "target": text("a service, or an edge", pattern=_LINE, format="target", examples=["web -> database"]),
            "settings": {
                "type": "object",
                "description": "the settings, as a topology file has them; none switches a setting off",
                "examples": [{"timeout": "300ms", "retry": {"max_attempts": 3}, "breaker": "none"}],
            },
        },
        {"seconds": _SECONDS, "deployment": _VERSION},
    ),
    Control(
        "shift_traffic",
        "Split calls between two versions of a service that run side by side: one gets the share, the other the rest.",
        "shift",
        _shift,
        {
            "target": _SERVICE,
            "to_version": text("the version that gets the share", pattern=_LINE),
            "from_version": text("the version that gets the rest", pattern=_LINE),
        },
        {"share": number("the share; default: 1", minimum=0, maximum=1), "seconds": _SECONDS},
    ),
    Control(
        "toggle_flag",
        "Switch back what somebody, or something, changed: a flag, a setting, a job, a neighbour's process, a disk, a "
        "cable. Where nothing is wrong, nothing happens. It rolls back no release, and sends no users away.",
        "mend",
        _same(target="target"),
        {"target": _PLACE},
    ),
)
_BY_NAME: Final = {control.name: control for control in CONTROLS}


def remedy(name: str, arguments: Mapping[str, Any]) -> Remedy:
    """Build the action of a remedy.

    Parameters
    ----------
    name
        Name of one of `CONTROLS`.
    arguments
        Arguments of the remedy.

    Raises
    ------
    agents.tools.tool.ToolError
        If there is no such remedy, or arguments are invalid, with a line for each problem.
    """
    if name not in _BY_NAME:
        raise ToolError(f"there is no remedy {shown(name)}{suggestion(name, [*_BY_NAME])}")
    return _BY_NAME[name].remedy(arguments)
