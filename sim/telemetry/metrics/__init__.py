"""The catalogue of metrics, one row each: what it measures, at which levels, its source, how it is exported.

Everything that samples, exports, documents or alerts on metrics derives from `METRICS`. To add one, add a row to the
file of its subject and run `python -m meshquake.docs.renew`. Within a level, samples of an interval are in the order of
the rows.

metric.py        what a row says
levels.py        what a metric may be measured of
sources.py       where its values come from
metric_table.py  the metrics of one recording: the catalogue, or what a `telemetry:` block makes of it

The subjects:

replicas.py  cores, memory, workers and queues of replicas, and how many replicas there are
requests.py  outcomes and latencies of requests
stores.py    queries, lookups and connections of databases and caches
calls.py     retries, hedges and timeouts of callers, and the state of their policies
users.py     goodput of users who wait, and requests that they abandon
network.py   bytes on the network, sockets and descriptors
disks.py     bytes read and written, and how full disks are
runtimes.py  garbage collection, threads and event loops
pods.py      restarts, readiness, and nodes
"""

from __future__ import annotations

import re

from meshquake.sim.telemetry.metrics import calls, disks, network, pods, replicas, requests, runtimes, stores, users
from meshquake.sim.telemetry.metrics.metric import Alert as Alert
from meshquake.sim.telemetry.metrics.metric import Kind as Kind
from meshquake.sim.telemetry.metrics.metric import Metric as Metric

_SUBJECTS = (replicas, requests, stores, calls, users, network, disks, runtimes, pods)

#: The metrics by name.
METRICS: dict[str, Metric] = {metric.name: metric for subject in _SUBJECTS for metric in subject.ROWS}


def signal(metric: str) -> str:
    """Return a metric's name without its percentile: `latency` for `latency_p95`."""
    return re.sub(r"_p\d+$", "", metric)
