"""What happens besides calls: events, and the log lines that are not derived from a call's row.

There are few of them, so each is made when it happens, with the values of that moment. What can be noted, and in which
words, stands in `sim/telemetry/logs/catalogue.yaml`.
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


#: Seconds from one line to the next, where one thing has several.
_APART = 0.0007


@dataclass(frozen=True, slots=True)
class Event:
    """One event, as it happened. `details` is its sentence, `attributes` the values that its record holds besides."""

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
    """Something that the mesh did by itself, and that harms nobody: a job that ran, a deploy, a process recycled.

    `kind` is that of a fault that does the same on purpose. What it notes, it signs with its id.
    """

    id: str
    kind: str
    target: Target
    start: float
    end: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One log line.

    `call` is (site, number, attempt path) of the attempt it belongs to, or None outside any request.
    """

    time: float
    text: LogText
    message: str
    service: str
    replica: str | None
    call: tuple[int, int, int] | None


@dataclass(frozen=True, slots=True)
class Wait:
    """A call waited for a connection of a pool, until it had one or (with the `code` of an error) gave up.

    `call` is (site, attempt path, number, incarnation of the caller's replica).
    """

    start: float
    end: float
    call: tuple[int, int, int, int]
    code: int


class Journal:
    """Collects events, lines and waits until telemetry takes them."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self.events: list[Event] = []
        self.lines: list[Line] = []
        #: What the files that are replayed say of requests, by their numbers; None if nobody writes it down.
        self.attributes: dict[int, Attributes] | None = None
        #: Waits of calls for connections that are over; None if nobody asks for them.
        self.waits: list[Wait] | None = None
        #: What the mesh did by itself, as far as it leaves events: in order.
        self.happened: list[Happening] = []
        #: Who is acting at this moment; empty if nobody is of those whose name matters (`signed`).
        self._actor = ""
        #: The first event of each of them, by its name. No record says who it was.
        self.first: dict[str, Event] = {}

    def signed(self, name: str, process: Generator[Any, Any, None]) -> Generator[Any, Any, bool]:
        """A process, such that what it notes itself is known for its own by this name.

        Who interrupts it mends the fault that it is; returns whether somebody did.
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
        """A call's wait for a connection is over (`Wait`)."""
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
        **values: Any,
    ) -> None:
        """Something happened to a service or a deployment of it, or to one of its replicas.

        Parameters
        ----------
        name
            Of the entry in the catalogue.
        about
            What it happened to. Texts call a deployment by its version too, where there are several.
        version
            That it concerns (default: the one that the replica runs, that of the deployment, or the service's first).
        call
            The attempt that its log line belongs to.
        signature
            Who notes it, if that is to be known and it's no process (`signed`).
        values
            What its texts name.

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
            self._write(Line(now + behind * _APART, log, log.text.format(**named), service.spec.name, where, place))

    def say(self, replica: Replica, text: LogText, message: str) -> None:
        """A process writes a line by itself."""
        self.lines.append(Line(self._env._now, text, message, replica.service.spec.name, replica.name, None))

    def _write(self, line: Line) -> None:
        """A line is written, now or soon."""
        if line.time > self._env._now:
            self._env.call_at(line.time, self.lines.append, line)
        else:
            self.lines.append(line)
