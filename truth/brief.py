"""The page that the on-call engineer gets: which promise to users broke, since when, and by how much. No cause.

It is written from the run as it was, and only from what its users could feel.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from meshquake.topology.spec import Objective
from meshquake.topology.units import duration, parse_duration
from meshquake.truth.answer_key import Clock
from meshquake.truth.objective import Mask, Promise
from meshquake.truth.twins import Twins

#: The sentence of the promise, and the first cell of each row of the table.
_PROMISED = re.compile(r"^Of the requests in any (\S+), (\S+)% shall succeed within (\S+):", re.MULTILINE)
_ENTRY = re.compile(r"^\| ([^|]+) \| \d+ \|", re.MULTILINE)


def brief(twins: Twins, fixture: str) -> str:
    """The page, as Markdown; `fixture` is the name of the recording, which gives nothing away."""
    simulation = twins.simulation
    entries = [f"{entry.service}.{entry.operation}" for entry in simulation.topology.workload.mix]
    return page(twins.promise, entries, Clock(simulation.start), simulation.scenario.length, fixture)


def page(promise: Promise, entries: list[str], clock: Clock, length: float, fixture: str) -> str:
    """The page for given counts.

    Parameters
    ----------
    promise
        What users were promised, and how it was kept.
    entries
        The names of the entry operations, in the order of the promise.
    clock
        Formats moments.
    length
        Seconds of the recording.
    fixture
        Its name; left out if empty.
    """
    named = [f"Fixture: {fixture}", ""] if fixture else []
    return "\n".join([*_page(promise, entries, clock, length), "", *_table(promise, entries), "", *named])


def promised(text: str) -> tuple[Objective, list[str]] | None:
    """The promise and the names of the entry operations that a page states; None if it is no such page."""
    found = _PROMISED.search(text)
    if found is None:
        return None
    window, share, within = found.groups()
    objective = Objective(
        share=round(float(share) / 100, 6), within=parse_duration(within), window=parse_duration(window)
    )
    return objective, [name for name in _ENTRY.findall(text) if name not in ("operation", "all")]


def _page(promise: Promise, entries: list[str], clock: Clock, length: float) -> Iterator[str]:
    objective = promise.objective
    told = (
        f"Of the requests in any {duration(objective.window)}, {100 * objective.share:.4g}% shall succeed within "
        f"{duration(objective.within)}: of all together, and of each operation."
    )
    broken = promise.broken()
    during: Mask = np.asarray(broken.any(axis=1))
    seconds = np.flatnonzero(during)
    recording = f"The recording goes from {_shown(clock(0.0))} to {_shown(clock(length))}."
    if not len(seconds):
        yield from ("# Nobody was paged", "", told, "That was kept throughout.", recording)
        yield from ("", "Look at the telemetry and say whether anything is wrong, and if so, what.")
        return
    hit = [name for name, column in zip(entries, broken.T[1:], strict=True) if column.any()]
    failed, slow = (table.sum(during)[0] for table in (promise.failed, promise.slow))
    what = "Too many requests fail" if failed >= slow else "Too many requests are slow"
    yield from (f"# {what}: {', '.join(hit)}", "", told)
    last = float(seconds[-1] + 1)
    until = f"until {_shown(clock(last))}" if last < len(broken) else "and still at the end of the recording"
    yield f"That was broken at {_shown(clock(float(seconds[0] + 1)))}, {until}."
    second, column, share = promise.worst()
    whose = "all requests" if column == 0 else f"the requests for {entries[column - 1]}"
    yield (
        f"At worst, in the {duration(objective.window)} before {_shown(clock(second + 1.0))}, "
        f"{share:.0%} of {whose} failed or came too late."
    )
    yield from (recording, "", "Say what the root cause is, whom it reached and how.")


def _table(promise: Promise, entries: list[str]) -> Iterator[str]:
    """Requests by operation whose outcome was known by the end of the recording: it hides what came after."""
    yield from ("Requests whose outcome was known by the end of the recording:", "")
    yield from ("| operation | requests | failed | too slow |", "|---|---|---|---|")
    for column, name in [*enumerate(entries, start=1), (0, "all")]:
        counts = (table.sum()[column] for table in (promise.total, promise.failed, promise.slow))
        yield f"| {name} | {' | '.join(str(int(count)) for count in counts)} |"


def _shown(moment: str) -> str:
    """A moment to the second, in readable form."""
    return f"{moment[:10]} {moment[11:19]} UTC"
