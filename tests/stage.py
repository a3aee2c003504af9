"""A stage for small plays: a mesh from a text, requests and faults set by the test, and the resulting timeline."""

from itertools import count

import numpy as np

from meshquake.faults.fault import Window
from meshquake.sim.engine.call import NEVER, ROW
from meshquake.sim.engine.call_site import ATTEMPT_BITS
from meshquake.sim.mesh import Mesh
from meshquake.topology.errors import CODES
from meshquake.topology.loader import parse

RESULTS = ["success", *CODES]


def topology_of(text):
    """Return the topology that a text describes."""
    return parse(text, "mesh.yaml").topology


def take_rows(mesh):
    """Return the rows of the calls that are over, as a structured array."""
    return unpacked(mesh.engine.take())


def unpacked(rows):
    """Return packed rows as a structured array."""
    return np.frombuffer(rows, dtype=ROW)


def play(topology, seed, requests, faults=()):
    """Play about this many user requests until the last one is over; returns the rows.

    `faults` are pairs of a fault and its window.
    """
    mesh = Mesh(topology, seed, end=requests / topology.workload.rate)
    for fault, window in faults:
        mesh.env.process(unfold(mesh, fault, window))
    mesh.env.advance(mesh.end)
    drain(mesh)
    return take_rows(mesh)


def drain(mesh):
    """Play on until no request is in flight."""
    while mesh.engine.live:
        mesh.env.advance(mesh.now + 1)


def unfold(mesh, fault, window):
    """Wait for a fault's window and let it act, as a process of the simulation."""
    yield mesh.timeout(window.start - mesh.now)
    yield from fault.run(mesh, window)


def sites_of(mesh, service):
    """Return the indices of the call sites at a service."""
    return [site.index for site in mesh.sites if site.service.spec.name == service]


class Stage:
    """A mesh without users of its own."""

    def __init__(self, text, seed=1):
        self.mesh = Mesh(topology_of(text), seed, end=0.0)
        self._numbers = count()

    def request(self, *times_ms, entry=0):
        """Schedule user requests at some times (milliseconds)."""
        users = self.mesh.users[entry]
        for time in times_ms:
            arguments = (users.root, next(self._numbers))
            self.mesh.env.call_at(time / 1000, lambda arguments: self.mesh.engine.enter(*arguments), arguments)

    def fault(self, fault, start_ms, end_ms, ramp_ms=0):
        """Schedule a fault from one time to another (milliseconds)."""
        window = Window(start_ms / 1000, (start_ms + ramp_ms) / 1000, end_ms / 1000)
        self.mesh.env.process(unfold(self.mesh, fault, window))

    def play(self, until_ms=60_000):
        """Play until a time, when every request must be over. Returns the timeline: a line per span, by start."""
        self.mesh.env.advance(until_ms / 1000)
        assert not self.mesh.engine.live
        return timeline(self.mesh, take_rows(self.mesh))

    def events(self):
        """Return the events of the journal: time (ms), type, and replica or service of each."""
        return [
            (round(event.time * 1000, 6), event.type, event.replica or event.service)
            for event in self.mesh.journal.events
        ]


def timeline(mesh, rows):
    """Return a line per span, by start, the caller's half first: `10-32 web>db #2: timeout`.

    `[1]` names the replica where there are several; `(from 15)` is when a worker took a call that had to queue.
    """
    spans = []
    for row in rows:
        site = mesh.sites[row["site"]]
        callee = site.service.spec.name
        if row["ended"] != NEVER:
            attempt = (row["attempt_path"] & ((1 << ATTEMPT_BITS) - 1)) + 1
            name = f"{site.parent.service.spec.name}>{callee}" + (f" #{attempt}" if attempt > 1 else "")
            spans.append((row["sent"], row["site"], 0, f"-{_ms(row['ended'])} {name}: {RESULTS[row['result']]}"))
        if row["arrived"] != NEVER:
            if site.service.spec.replicas > 1 and row["replica"] >= 0:
                callee += f"[{mesh.incarnations[row['replica']][0].index}]"
            queued = f" (from {_ms(row['started'])})" if row["started"] > row["arrived"] else ""
            line = f"-{_ms(row['finished'])} {callee}: {RESULTS[row['outcome']]}{queued}"
            spans.append((row["arrived"], row["site"], 1, line))
    return [f"{_ms(start)}{rest}" for start, _, _, rest in sorted(spans)]


def _ms(seconds):
    return f"{round(seconds * 1000, 6):g}"
