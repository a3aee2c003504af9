"""A desk for agents that may also act: the reading tools over what was recorded so far, and acting tools."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Any, ClassVar, Final, Protocol

from meshquake.agents import audit
from meshquake.agents.answer import Answer, Page
from meshquake.agents.desk import Desk
from meshquake.agents.mitigation.live_incident import LiveIncident
from meshquake.agents.mitigation.recorded import Recorded
from meshquake.agents.mitigation.remedies import CONTROLS, FORMATS
from meshquake.agents.telemetry import View
from meshquake.agents.tools import READING
from meshquake.agents.tools.tool import Arguments, Tool, ToolError
from meshquake.exporters.fixtures.violations import Formats
from meshquake.topology.json_schema import Schema, number

#: Default of the simulated seconds that pass with each look.
PACE: Final = 5.0
#: The tool that lets time pass, and the tool that ends the work.
WAIT: Final = "wait"
FINISH: Final = "finish"
_NONE: Final[Mapping[str, Schema]] = MappingProxyType({})


class Mesh(Protocol):
    """A live mesh, in this process or in another one."""

    def look(self) -> View:
        """What can be seen now."""
        ...

    def act(self, name: str, arguments: Arguments) -> Mapping[str, Any]:
        """Do something, `wait` and `finish` included, and return the result. Raises ToolError if it can't be done."""
        ...


class Near:
    """A mesh in this process.

    Parameters
    ----------
    incident
        The incident.
    withheld
        Kinds of record to hide.
    """

    def __init__(self, incident: LiveIncident, withheld: frozenset[str] = frozenset()) -> None:
        self.incident = incident
        self._recorded = Recorded(incident)
        self._withheld = withheld

    def told(self) -> Mapping[str, Any]:
        """Return the metadata of the mesh and its recording that agents may know."""
        return self._recorded.told()

    def look(self) -> View:
        """What can be seen now."""
        return self._recorded.view(self._withheld)

    def act(self, name: str, arguments: Arguments) -> Mapping[str, Any]:
        """Do something; see `Mesh.act`."""
        if name == FINISH:
            self.incident.close()
            return {"finished": True, "now_s": self.incident.now}
        done = self.incident.act(name, **arguments)
        return {"done": name, "at_s": round(done.at, 3), "now_s": self.incident.now, "left_s": self.incident.left}


class LiveDesk(Desk):
    """Tools over a live mesh, in which time passes with each call.

    Use it like this::

        from meshquake.agents.mitigation import LiveDesk, LiveIncident

        incident = LiveIncident.of("cascade", seed=7)
        incident.until_alert()
        desk = LiveDesk.of(incident)
        print(desk.call("get_alerts"))
        desk.call("toggle_flag", target="database")
        desk.call("wait", seconds=60)
        print(incident.finish().share)

    Parameters
    ----------
    mesh
        The mesh.
    withheld
        Kinds of record to hide.
    pace
        Simulated seconds that pass with each look.
    sinks
        Receivers of the audit.
    """

    task: ClassVar[str] = (
        "Find out from metrics, logs, traces and events what is wrong, and mend it, so that as few requests of users "
        "as possible fail or take longer than they were promised. Time passes with each call; call finish when you are "
        "done."
    )

    def __init__(
        self, mesh: Mesh, withheld: Collection[str] = (), pace: float = PACE, sinks: Sequence[audit.Sink] = ()
    ) -> None:
        self._mesh, self._pace = mesh, pace
        super().__init__(mesh.look, (*READING, *_acting(mesh)), withheld, sinks)

    @property
    def view(self) -> View:
        """What can be seen now."""
        return self._look()

    @classmethod
    def of(cls, incident: LiveIncident, **settings: Any) -> LiveDesk:
        """Return a desk for an incident in this process; `settings` are those of `LiveDesk`."""
        return cls(Near(incident, frozenset(settings.get("withheld", ()))), **settings)

    def ask(self, tool: str, arguments: Any) -> tuple[Page, ToolError | None]:
        """Call a tool as `Desk.ask` does. A look takes time; a refused call takes none."""
        answered = super().ask(tool, arguments)
        if answered[1] is None and not self.tools[tool].acts and self._pace > 0:
            with suppress(ToolError):  # the run is over, so no time passes
                self._mesh.act(WAIT, {"seconds": self._pace})
        return answered


def _acting(mesh: Mesh) -> tuple[Tool, ...]:
    """Return the tools that act."""
    seconds = number("simulated seconds, rounded up to whole ones", exclusiveMinimum=0, maximum=86_400, examples=[30])
    time: dict[str, Schema] = {"seconds": seconds}
    return (
        *(_tool(mesh, each.name, each.doc, each.required, each.optional) for each in CONTROLS),
        _tool(mesh, WAIT, "Let time pass, and do nothing.", time),
        _tool(mesh, FINISH, "Say that you are done: nothing more can be done then, and the mesh goes on by itself."),
    )


def _tool(
    mesh: Mesh, name: str, doc: str, required: Mapping[str, Schema] = _NONE, optional: Mapping[str, Schema] = _NONE
) -> Tool:
    def run(view: View, arguments: Arguments) -> Answer:
        return Answer(mesh.act(name, arguments))

    return Tool(name, doc, run, required, optional, formats=_formats, acts=True)


def _formats(view: View) -> Formats:
    return FORMATS
