"""The scenario that is written while a mesh is played: what was done by hand, at the time at which it was done.

Everything done goes through the text: it is added there, the ordinary loader reads the whole text, and what the loader
makes of it takes effect. So the text always says what was played, and playing it again gives the same run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from meshquake.faults import edits
from meshquake.faults.fault import Cause, Extent, Fault
from meshquake.faults.loader import LoadedScenario, Options, parse
from meshquake.faults.naming import LISTS
from meshquake.faults.scenario import Scenario
from meshquake.topology import outside
from meshquake.topology.loader import LoadedTopology, shipped
from meshquake.topology.units import duration, rate

#: How long a fault lasts that is started by hand, unless told otherwise (seconds).
LASTS: Final = 60.0
#: How long a free play may last (seconds).
FREE: Final = 3600.0
_FREE_PLAY: Final = "name: live\nsummary: Played by hand\nlead_in: 0s\nduration: {}\nrecovery: 0s\nconfounders: none\n"
#: Everything done comes at whole milliseconds.
_MILLI: Final = 1000


def free_play(topology: str, length: float = FREE) -> str:
    """Return the text of a scenario in which nothing happens but what the mesh does on its own."""
    return _FREE_PLAY.format(duration(length)) + f"topology: {_quoted(topology)}\n"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _mesh(loaded: LoadedScenario, options: Options) -> str:
    """Return the name of a mesh for a scenario that may be saved anywhere: a shipped name, or an absolute path."""
    named, file = str(options.topology or loaded.scenario.topology), Path(loaded.topology_document.file)
    return named if named in shipped() or not outside.is_file(file) else str(file.resolve())


class Script:
    """A scenario with nothing left to the seed, to which causes are added.

    Parameters
    ----------
    loaded
        The scenario at the start, and its mesh.
    options
        The options with which it was loaded. The severity is taken from the file.

    Attributes
    ----------
    text
        The scenario as it is now.
    loaded
        The scenario and its mesh, loaded from the text.
    """

    def __init__(self, loaded: LoadedScenario, options: Options) -> None:
        scenario = loaded.scenario
        text = edits.write_out(scenario.source, scenario, loaded.topology)
        header = {word: duration(getattr(scenario, word)) for word in ("duration", "lead_in", "recovery")}
        header |= {"confounders": "none", "topology": _mesh(loaded, options)}
        if scenario.rate is not None:
            header["rate"] = rate(scenario.rate)
        if scenario.level is not None:
            header["observability"] = scenario.level
        for word, value in header.items():
            text = edits.apply(text, word, _quoted(value))
        for section in LISTS:
            for number, cause in enumerate(getattr(scenario, section)):
                text = edits.apply(text, f"{section}[{number}].id", _quoted(cause.id))
        self._mesh = LoadedTopology(loaded.topology, loaded.topology_document)
        self._options = Options(seed=scenario.seed, calm=scenario.calm)
        self._latest = -1
        self.text, self.loaded = text, self._read(text)

    @property
    def scenario(self) -> Scenario:
        """The scenario, read."""
        return self.loaded.scenario

    def with_actions(self, actions: Sequence[tuple[str, Mapping[str, Any]]]) -> LoadedScenario:
        """Return the same incident with other actions in place of its own, each given by its kind and its keys.

        Raises DocumentError if they are not valid.
        """
        text = edits.cleared(self.text, "actions")
        for number, (kind, keys) in enumerate(actions, 1):
            text = edits.add(text, "actions", kind, {"id": f"other {number}", **keys})
        return self._read(text)

    def add(self, section: str, kind: str, keys: Mapping[str, Any], now: float) -> Cause:
        """Add a fault, a background event or an action that begins at once, with the next millisecond.

        Parameters
        ----------
        section
            The list to which it belongs.
        kind, keys
            Its kind, and its keys as in a scenario file, in plain values, without `at` and `id`. A fault that lasts
            does so for a minute, or for the rest of the recording, unless they say how long.
        now
            The present moment in simulated seconds; nothing has happened at it or later.

        Raises
        ------
        topology.problems.DocumentError
            With everything that is wrong; nothing is changed then.
        """
        millis = max(round(now * _MILLI), self._latest + 1)
        while self._start(millis) < now:
            millis += 1
        begin = self._start(millis)
        own = {"id": self._name(kind), "at": self._at(millis), **keys}
        cause_type = LISTS[section].get(kind)
        if cause_type is not None and issubclass(cause_type, Fault) and cause_type.lasts and "for" not in own:
            own["for"] = duration(round(min(LASTS, self.scenario.length - begin), 3))
        text = edits.add(self.text, section, kind, own)
        loaded = self._read(text)
        self.text, self.loaded, self._latest = text, loaded, millis
        added: Cause = getattr(loaded.scenario, section)[-1]
        return added

    def until(self, moment: float) -> str:
        """Return the text with a recording that ends at the first whole second after `moment` at which nothing acts.

        Actions that stay in force do not extend it. The duration is not shortened if times are given as shares of it.
        """
        scenario = self.scenario
        ends = [scenario.window(each).end for each in scenario.causes if isinstance(each, Fault) and each.lasts]
        starts = [scenario.window(each).start for each in scenario.causes]
        last = int(max([moment, *ends, *(start + 1e-3 for start in starts), scenario.lead_in + 1]) + 0.999)
        if last >= scenario.length:
            return self.text
        duration_s = min(scenario.duration, last - scenario.lead_in)
        if duration_s < scenario.duration and any(_shares(each) for each in scenario.causes):
            duration_s = scenario.duration
        lengths = {"duration": duration_s, "recovery": max(0.0, last - scenario.lead_in - duration_s)}
        text = self.text
        for word, seconds in lengths.items():
            text = edits.apply(text, word, duration(seconds))
        return text

    def _start(self, millis: int) -> float:
        """Return when something with this time begins, computed as the loader does."""
        return self.scenario.lead_in + Extent.parse(self._at(millis), negative=True).of(self.scenario.duration)

    def _at(self, millis: int) -> str:
        return f"{(millis - round(self.scenario.lead_in * _MILLI)) / _MILLI:.3f}s"

    def _name(self, kind: str) -> str:
        """Return an unused id."""
        taken, number = {cause.id for cause in self.scenario.causes}, 1
        while f"{kind}-{number}" in taken:
            number += 1
        return f"{kind}-{number}"

    def _read(self, text: str) -> LoadedScenario:
        return parse(text, "scenario", self._options, mesh=self._mesh)


def _shares(cause: Cause) -> bool:
    """Whether one of its times is a share of the incident's duration."""
    extents = [cause.at, *(getattr(cause, name, None) for name in ("for_", "ramp"))]
    means = [extent for extent in extents if extent is not None and extent.share]
    return any(means) and cause.lasts
