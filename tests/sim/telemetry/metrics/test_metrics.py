"""The catalogue of metrics: one row defines a metric completely, and everything else follows from it."""

import json
import subprocess
import sys

from meshquake.sim.telemetry.metrics import METRICS, Alert, Kind

ADDED = """
import json
from itertools import islice

from meshquake.sim.telemetry.metrics.levels import Level
from meshquake.sim.telemetry.metrics import METRICS, Alert, Kind, Metric
from meshquake.sim.telemetry.metrics.sources import Combine, Gauge, Rate, Side

for metric in (
    Metric(
        "pool_waiting", "calls", Kind.GAUGE, (Level.EDGE, Level.CALLER),
        Gauge(Level.CALLER, lambda caller, now: getattr(caller.policies.get("pool"), "waiting", None), Combine.SUM),
        "Calls that wait for a connection.",
        alert=Alert.RISE,
    ),
    Metric(
        "attempt_rate", "1/s", Kind.COUNTER, (Level.EDGE,), Rate(Side.CLIENT), "Attempts.", export_name="attempts",
        alert=Alert.EITHER,
    ),
):
    METRICS[metric.name] = metric

from docs.renew import prometheus_names, metrics
from meshquake.exporters.formats.prometheus_names import Samples
from meshquake.exporters.formats import context
from meshquake.sim.records import METRIC
from incident import short

simulation = short()
samples, seen, names = Samples(context.of(simulation)), set(), set()
attempts = spans = 0
for batch in simulation.batches():
    rows = batch.metrics.filter(batch.metrics["metric"].is_in(["pool_waiting", "attempt_rate"]))
    seen.update(row["metric"] + (" of a replica" if row["replica"] else "") for row in rows.iter_rows(named=True))
    names.update(samples.take(batch)["name"])
    attempts += rows.filter(metric="attempt_rate")["value"].sum()
    spans += len(batch.traces.filter(kind="client"))
print(json.dumps({
    "seen": sorted(seen),
    "names": sorted(name for name in names if "waiting" in name or "attempts" in name),
    "schema": [METRIC.json_schema()["properties"][column]["enum"][-1] for column in ("metric", "unit")],
    "docs": [
        "Calls that wait for a connection. Summed over replicas." in metrics(),
        "attempts_total" in prometheus_names(),
    ],
    "counted": 0.9 * spans < attempts <= spans,
}))
"""


def test_a_new_row_is_all_that_a_new_metric_takes():
    """It is sampled, allowed by the schema, exported under its names, and documented."""
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = {[each for each in sys.path if each]}\n{ADDED}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "seen": ["attempt_rate", "pool_waiting", "pool_waiting of a replica"],
        "names": ["mesh_edge_attempts_total", "mesh_edge_pool_waiting", "mesh_replica_edge_pool_waiting"],
        "schema": ["attempt_rate", "calls"],
        "docs": [True, True],
        "counted": True,
    }


def test_no_two_metrics_share_a_name_in_records_or_exports():
    assert [metric.name for metric in METRICS.values()] == list(METRICS)
    assert len({metric.exported for metric in METRICS.values()}) == len(METRICS)


def test_a_share_is_exported_as_a_count_exactly_if_it_says_of_which_rate():
    for metric in METRICS.values():
        assert (metric.unit == "%" and metric.kind is Kind.COUNTER) == bool(metric.share_of)
        if metric.share_of:
            whole = METRICS[metric.share_of]
            assert (whole.kind, whole.unit) == (Kind.COUNTER, "1/s")
            assert set(metric.levels) <= set(whole.levels)


def test_every_metric_says_in_which_direction_it_should_raise_an_alert():
    """Except metrics that follow the load: a caller's retries and a percentile do indicate a fault."""
    unwatched = {name for name, metric in METRICS.items() if not metric.alert}
    assert unwatched == {"network_received", "network_sent", "disk_read", "disk_written", "node_pods"}
    assert METRICS["retry_rate"].alert is Alert.RISE


def test_what_shows_a_service_to_be_affected_is_worth_an_alert():
    assert all(Alert.RISE in metric.alert for metric in METRICS.values() if metric.is_symptom)
