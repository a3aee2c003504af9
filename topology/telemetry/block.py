"""The `telemetry:` block of a topology or a scenario file: what is recorded, and under which names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from meshquake.topology.keys import key
from meshquake.topology.telemetry.logs import LogChanges
from meshquake.topology.telemetry.metrics import LeftOut, MetricChange
from meshquake.topology.telemetry.traces import TraceChanges


@dataclass(frozen=True)
class Telemetry:
    """What a file changes in the telemetry. It changes neither what happens nor the answer key."""

    metrics: tuple[MetricChange, ...] = key("other", "changes to metrics by name, and derived metrics", ())
    leave_out: tuple[LeftOut, ...] | None = key(
        "spec", "series that are not recorded", None, many=True, none=True, spec=LeftOut
    )
    logs: LogChanges = key("other", "how log lines are written", LogChanges())
    traces: TraceChanges = key("other", "which spans and attributes are recorded", TraceChanges())

    def over(self, lower: Telemetry) -> Telemetry:
        """Return this block laid over another, metric by metric and key by key; a list replaces the other's."""
        return Telemetry(
            metrics=_merged(lower.metrics, self.metrics),
            leave_out=lower.leave_out if self.leave_out is None else self.leave_out,
            logs=self.logs.over(lower.logs),
            traces=self.traces.over(lower.traces),
        )


#: Telemetry that no file changes.
UNCHANGED = Telemetry()


def _merged(lower: tuple[MetricChange, ...], upper: tuple[MetricChange, ...]) -> tuple[MetricChange, ...]:
    """Merge the metrics of two blocks: the upper one's come later, and so override the rest."""
    below: Mapping[str, MetricChange] = {change.metric: change for change in lower}
    said = {change.metric: change.over(below.get(change.metric, change)) for change in upper}
    return (*(change for change in lower if change.metric not in said), *said.values())
