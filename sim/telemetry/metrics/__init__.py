"""The catalogue of metrics, a row each: what it measures, of what, from which source, how it is exported and watched.

Everything that samples, exports, documents or watches metrics derives from `METRICS`: a new one is a row in the file of
its subject, and `python -m meshquake.docs.renew`. The order of the rows is that of their samples in an interval, within
a level.

metric.py        what a row says
levels.py        what a metric may be of
sources.py       where its values come from
metric_table.py  the metrics of one recording: these, or what a `telemetry:` block makes of them

The subjects:

replicas.py  cores, memory, workers and queues of replicas, and how many there are
requests.py  the outcomes of requests, and how long they take
stores.py    what databases and caches are asked
calls.py     what callers do about their calls
users.py     what waiting users get
network.py   bytes on the network, sockets and descriptors
disks.py     what is read and written, and how full disks are
runtimes.py  garbage collection, threads and event loops of languages
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
    """What a metric is about, whichever percentile of it is watched: `latency` for `latency_p95`."""
    return re.sub(r"_p\d+$", "", metric)
