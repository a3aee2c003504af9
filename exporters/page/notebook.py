"""Charts of a fixture's metrics for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshquake.exporters.fixtures import answer_key, layout
from meshquake.exporters.page.charts import Chart, samples
from meshquake.topology import outside
from meshquake.topology.problems import suggestion

if TYPE_CHECKING:
    from meshquake.exporters.fixtures.fixture import Fixture


def chart(fixture: Fixture, metric: str, wanted: dict[str, str | None], truth: bool) -> Chart:
    """Plot a metric over time; parameters and errors are those of `exporters.fixtures.fixture.Fixture.chart`."""
    service = wanted["service"]
    filters: Any = {} if service is None else {"service": service}
    known: set[str] = set()
    points, unit = [], ""
    for sample in fixture.metrics(**filters):
        known.add(sample["metric"])
        if sample["metric"] != metric or sample["replica"] != wanted["replica"]:
            continue
        if wanted["target"] not in (None, sample["target"]):
            continue
        unit = sample["unit"]
        series = " → ".join(filter(None, [sample["replica"] or sample["service"], sample["target"]]))
        points.append({"at": sample["timestamp"], "value": sample["value"], "series": series})
    if not points:
        where = ", ".join(f"{key} {value}" for key, value in wanted.items() if value is not None) or "any service"
        near = "" if metric in known else suggestion(metric, sorted(known))
        raise ValueError(f"the recording has no {metric} of {where}{near}")
    return samples(points, metric, unit, windows(fixture) if truth else [])


def windows(fixture: Fixture) -> list[dict[str, Any]]:
    """List when each fault acted; empty without a key."""
    if not outside.is_file(layout.path(fixture.folder, layout.GROUND_TRUTH)):
        return []
    faults = answer_key.read_ground_truth(fixture.folder)["faults"]
    return [{"from": each["start"], "to": each["end"], "fault": each["id"]} for each in faults]
