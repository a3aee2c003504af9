"""What happens besides calls: events, and the log lines that are not derived from a call's row.

There are few of them, so each is made when it happens, with the values of that moment. The catalogue of what can be
noted, and its wording, is `sim/telemetry/logs/catalogue.yaml`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from simpy import Interrupt

from meshquake.faults.fault import Mended, Target
from meshquake.sim.engine.deployment import Deployment
from meshquake.sim.telemetry.logs.catalogue import LogText, Voice, notices
from meshquake.topology.replay import Attributes

if TYPE_CHECKING:
    from meshquake.sim.engine.call import Call
    from meshquake.sim.engine.environment import Environment
    from meshquake.sim.engine.replica import Replica
    from meshquake.sim.engine.service import Service


#: Seconds between the lines of an entry that has several.
_APART = 0.0007


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `details` is its sentence, `attributes` the other values of its record."""

    time: float
    type: str
    service: str
    details: str
    severity: str
    version: str | None
    replica: str | None
    attributes: dict[str, Any]


@dataclass(slots=True)
class Happening:
    """Something harmless that the mesh did by itself: a job that ran, a deploy, a process recycled.

    `kind` is that of the fault that does the same on purpose. Its events are signed with its `id` (`Journal.signed`).
    """

    id: str
    kind: str
    target: Target
    start: float
    end: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One log line.

    `call` is (site, number, attempt path) of the attempt that it belongs to; None outside any request.
    """

    time: float
    text: LogText
    message: str
    service: str
    replica: str | None
    call: tuple[int, int, int] | None


@dataclass(frozen=True, slots=True)
class Wait:
    """A call's wait for a connection of a pool, until it got one or, with the `code` of an error, gave up.

    `call` is (site, attempt path, number, incarnation of the caller's replica).
    """

    start: float
    end: float
    call: tuple[int, int, int, int]
    code: int


class Journal:
    """Collects events, lines and waits until the telemetry takes them."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self.events: list[Event] = []
        self.lines: list[Line] = []
        #: Attributes of replayed requests, from their file, by request number; None if nobody records them.
        self.attributes: dict[int, Attributes] | None = None
        #: Finished waits for connections; None if nobody asks for them.
        self.waits: list[Wait] | None = None
        #: What the mesh did by itself and left events of, in order.
        self.happened: list[Happening] = []
        #: The name of the signed process that acts at this moment (`signed`); empty if there is none.
        self._actor = ""
        #: The first event of each such process, by its name. Records don't say who caused an event.
        self.first: dict[str, Event] = {}

    def signed(self, name: str, process: Generator[Any, Any, None]) -> Generator[Any, Any, bool]:
        """Run a process so that the events it notes are attributed to this name.

        Interrupting the process mends the fault that it plays. Returns whether that happened.
        """
        mended = False
        go_on: Callable[[], Any] = partial(process.send, None)
        while True:
            self._actor = name
            try:
                step = go_on()
            except (StopIteration, Mended):
                return mended
            finally:
                self._actor = ""
            try:
                go_on = partial(process.send, (yield step))
            except Interrupt:
                mended, go_on = True, partial(process.throw, Mended())

    def waited(self, call: Call, since: float, code: int) -> None:
        """Note that a call's wait for a connection is over (`Wait`)."""
        if self.waits is None or not call.followed:
            return
        parent = call.parent
        assert parent is not None
        place = (call.site.index, call.attempt_path, call.number, parent.handler)
        self.waits.append(Wait(since, self._env._now, place, code))

    def note(
        self,
        name: str,
        about: Service | Deployment,
        *,
        replica: Replica | None = None,
        version: str | None = None,
        call: Call | None = None,
        signature: str = "",
        last: bool = False,
        **values: Any,
    ) -> None:
        """Note that something happened to a service, one of its deployments, or one of its replicas.

        Parameters
        ----------
        name
            Name of the entry in the catalogue.
        about
            What it happened to. Texts give a deployment's version too, where there are several.
        version
            Version concerned (default: the one that the replica runs, that of the deployment, or the service's first).
        call
            The attempt that its log lines belong to.
        signature
            Who notes it, if that matters and it is not a process (`signed`).
        last
            Whether the process ends with it, so that none of its lines may come later.
        values
            Values for the placeholders of its texts.

        Raises
        ------
        LookupError
            If the catalogue has no such entry.
        """
        now = self._env._now
        if isinstance(about, Deployment):
            service, called, running = about.service, about.title, about.running
        else:
            service, called, running = about, about.spec.name, about.first_version
        if replica is not None:
            running = replica.version
        notice = notices(Voice.of(service.spec)).get(name)
        if notice is None:
            raise LookupError(f"nothing in the catalogue of what is noted is called {name!r}")
        where = None if replica is None else replica.name
        named = {"service": called, "replica": where, "version": version or running} | values
        if (event := notice.event) is not None:
            details = event.text.format(**named)
            attributes = {key: values[key] for key in event.attributes}
            concerned = named["version"]
            made = Event(now, event.type, service.spec.name, details, event.severity, concerned, where, attributes)
            self.events.append(made)
            if actor := signature or self._actor:
                self.first.setdefault(actor, made)
        for behind, log in enumerate(notice.logs):
            place = None if call is None or not call.followed else (call.site.index, call.number, call.attempt_path)
            at = now if last else now + behind * _APART
            self._write(Line(at, log, log.text.format(**named), service.spec.name, where, place))

    def say(self, replica: Replica, text: LogText, message: str) -> None:
        """Write a line of a process outside any request."""
        self.lines.append(Line(self._env._now, text, message, replica.service.spec.name, replica.name, None))

    def _write(self, line: Line) -> None:
        """Write a line when its time comes, which may be now."""
        if line.time > self._env._now:
            self._env.call_at(line.time, self.lines.append, line)
        else:
            self.lines.append(line)
