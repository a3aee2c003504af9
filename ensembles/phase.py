"""A stretch of a recording that a response covers: before, during or after the incident, or by the second."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from meshquake.faults.scenario import Scenario
from meshquake.topology.units import duration

PHASES = ("before", "during", "after", "whole")
#: For a phase that a recording may lack: the setting that gives it its length.
_LENGTHS = {"before": "lead_in", "after": "recovery"}


@dataclass(frozen=True)
class Phase:
    """A stretch of a recording: one of `PHASES`, or from one second of the incident to another."""

    word: str
    start: float = 0.0
    end: float = 0.0

    def window(self, scenario: Scenario) -> tuple[float, float]:
        """Its beginning and end, in seconds from the start of the recording."""
        begin, over, length = scenario.lead_in, scenario.lead_in + scenario.duration, scenario.length
        named = {"before": (0.0, begin), "during": (begin, over), "after": (over, length), "whole": (0.0, length)}
        start, end = named.get(self.word, (begin + self.start, begin + self.end))
        return max(0.0, start), min(length, end)

    def check(self, scenario: Scenario, warm_up: float, sampled: bool) -> None:
        """Raise ValueError if there is nothing to measure in it.

        Parameters
        ----------
        scenario
            What is played.
        warm_up
            Seconds that are cut off at the beginning.
        sampled
            Whether only the ends of whole seconds count, at which metrics are sampled.
        """
        start, end = self.window(scenario)
        if end <= start:
            raise ValueError(self._missing(scenario))
        if end <= warm_up:
            cut, until = duration(warm_up), duration(end)
            raise ValueError(f"covers only warm-up: {cut} of the recording are cut off, and it ends after {until}")
        if sampled and floor(end) <= max(start, warm_up):
            raise ValueError("covers no sample: metrics are sampled at the end of each second")

    def _missing(self, scenario: Scenario) -> str:
        if self.word in _LENGTHS:
            return f"there is no time {self.word} the incident: {_LENGTHS[self.word]} is 0s"
        ends = duration(scenario.duration + scenario.recovery)
        return f"is outside the recording, which ends {ends} after the start of the incident"


#: What responses cover unless they name a phase.
DURING = Phase("during")
