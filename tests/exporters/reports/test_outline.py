"""A mesh described in words."""

import os
import subprocess
import sys
from pathlib import Path

from hypothesis import given, settings
from random_meshes import meshes
from small_mesh import SMALL

from meshquake.commands import tables
from meshquake.exporters.reports import outline
from meshquake.topology.loader import load, parse, shipped

ROOT = Path(__file__).parents[3]

SMALL_AS_TEXT = """
small: 5 services, 7 operations, 5 edges, 40/s from users
Objective: of the requests in any 10s, 95% succeed within 1s

SERVICE  KIND      REPLICAS  WORKERS  QUEUE  CORES  MEMORY  CALLS   BUSY   HELD
web      gateway          2       16     64     16  512MiB   40/s   1.3%   3.8%
cart     service          1       16     64     16  512MiB   40/s   2.5%   3.6%
ads      external         1       16     64     16  512MiB   30/s   1.9%   1.9%
cache    cache            1       16     64     16  512MiB   44/s  0.27%  0.28%
db       database         1        8     16      2    2GiB   19/s   7.6%   1.9%

Workers, queue, cores and memory are per replica. Busy and held, while nothing is wrong: the share
of cores in use, and of workers held by requests, including waits for other services.

web.home  75% of requests, 30/s, 7 call sites, mean 31ms
├─ at once
│  ├─ cart.get
│  │  └─ cache.get  90% hits
│  │     ├─ on a miss: db.read
│  │     └─ on a miss: cache.set  optional
│  └─ ads.get  optional
└─ db.read  50% of the time

web.cart  25% of requests, 10/s, 5 call sites, mean 26ms
└─ cart.get ↑

Calls are in the order in which they are made. ↑ its own calls are shown above

FROM / TO  TIMEOUT  ATTEMPTS     BREAKER            POOL   BALANCE      LATENCY
web
  cart     500ms    3 (20%+1/s)  -                  -      round_robin  1ms
  ads      -        -            -                  -      round_robin  1ms
  db       -        -            -                  -      round_robin  1ms
cart
  cache    -        -            -                  -      round_robin  1ms
  db       50ms     -            50% of 20/10s; 5s  8, 1s  round_robin  1ms

Attempts: per call, with the retry budget (share of calls + a number per second). Breaker: share of
failures that opens it, minimum number of calls (in the window); how long it stays open. Pool:
connections per replica of the caller, longest wait for one. Latency: mean, one way.
"""


def text(mesh):
    return tables.lines(outline.blocks(mesh))


def test_text_shows_services_then_call_trees_then_policies():
    assert text(parse(SMALL, "small.yaml").topology) == SMALL_AS_TEXT.strip("\n").split("\n")


def test_text_of_the_default_mesh_fits_into_100_columns_without_control_characters():
    lines = text(load(shipped()["ten-services"]).topology)
    assert max(map(len, lines)) <= 100
    assert all(line.isprintable() and line == line.rstrip() for line in lines)


@settings(max_examples=50)
@given(meshes())
def test_text_shows_the_calls_of_an_operation_once(mesh):
    """So it is as long as the file, where the call tree could be exponentially larger."""
    calls = [c for s in mesh.services for o in s.operations for group in o.calls for c in group]
    branches = [line for line in text(mesh) if "─ " in line and not line.endswith("at once")]
    # Each call is listed below its operation, which appears once; its followers appear wherever it does.
    assert len(branches) <= sum(1 + len(call.on_miss) for call in calls)


RICH = """
name: rich
defaults: {service: {workers: 8, cpu: 2}}
cluster: 64
services:
  web:
    kind: gateway
    handlers: async
    rate_limit: {max_tokens: 50, tokens_per_fill: 20, fill_interval: 1s}
    operations: {home: {calls: [reviews.get: {criticality: sheddable}]}, pay: {calls: db.get}}
  reviews:
    operations: {get: {work: 3ms, error_rate: 1%}}
    versions: {v1: {weight: 90}, v2: {weight: 10, replicas: 2}}
  db:
    kind: database
    replicas: 2
    cpu: {limit: 1500m}
    queue: {discipline: codel, newest_first: true}
    rollout: {strategy: recreate, min_ready: 10s}
    autoscale: {minimum: 2, maximum: 6, requests: 50/s}
    startup: 30s
    liveness: {initial_delay: 1m}
    readiness: {period: 2s, looks_at: process}
    operations: {get: {work: 5ms}}
edges:
  web -> reviews: {overall_timeout: 2s, retry: {max_attempts: 3, tokens: 10}, cancellation: true}
  web -> db: {hedge: 50ms, outlier: {}, pool: {size: 4, streams: 9}}
workload:
  rate: 5/s
  mix: {web.home: 3, web.pay: 1}
  populations:
    shoppers:
      rate: 2/s
      journey: [web.home, web.pay: {chance: 50%, needs: web.home}]
      think_time: 3s
      patience: 2s
      reload: 60%
    regulars: {users: 7, think_time: 3s, mix: {web.home: 1}, retry: 10%, over_time: {on_off: {on: 5s, off: 20s}}}
"""

RICH_AS_TEXT = """
rich: 3 services, 4 operations, 2 edges, 10.3/s from users
Objective: of the requests in any 10s, 95% succeed within 1s
Cluster: 64 cores, of which replicas have 11 at first

SERVICE  KIND      REPLICAS  WORKERS  QUEUE  CORES  MEMORY  CALLS   BUSY   HELD
web      gateway          1        8     64      2  512MiB   10/s     0%     0%
reviews  service          3        8     64      2  512MiB  8.1/s   0.4%   0.1%
db       database         2        8     64    1.5  512MiB  2.2/s  0.37%  0.07%

Workers, queue, cores and memory are per replica. Busy and held, while nothing is wrong: the share
of cores in use, and of workers held by requests, including waits for other services.

versions    v1 has 1 replica and 90%, v2 has 2 replicas and 10% of the calls: reviews
autoscaler  2 to 6 replicas with 80% of the cores in use or 50/s each: db
rollout     recreate, min_ready 10s: db
startup     30s: db
readiness   every 2s (1s to answer), out after 3 failures, looks at the process: db
liveness    every 10s (1s to answer) from 1m on, ended after 3 failures: db
rate limit  20/s a replica, bursts of 50: web
queue       codel, target 5ms, interval 100ms, the newest first: db
cores       quota, every 100ms: db
handlers    async: web

POPULATION  COMES AS       OVER TIME       THINKS  PATIENCE  RELOADS  RETRIES  REQUESTS
usual       5/s            -                    -         -        -        -       5/s
shoppers    2/s, sessions  -                   3s        2s      60%        -       3/s
regulars    7 users        on 5s, off 20s      3s         -        -      10%     2.3/s

usual     web.home 75%, web.pay 25%
shoppers  web.home -> web.pay (50%, needs web.home)
regulars  web.home 100%

Requests: with all users present and nothing wrong. Times: means.

web.home  78% of requests, 8.1/s, 3 call sites, mean 4ms
└─ reviews.get  sheddable, 1% fail by themselves

web.pay  22% of requests, 2.2/s, 2 call sites, mean 6ms
└─ db.get

Calls are in the order in which they are made. ↑ its own calls are shown above

FROM / TO  OVERALL  ATTEMPTS       HEDGE         DEADLINE  EJECTS           POOL               BALANCE      LATENCY
web
  reviews  2s       3 (10 tokens)  -             cancels   -                -                  round_robin  500us
  db       -        -              2 after 50ms  -         after 5 for 30s  4 x 9 streams, 1s  round_robin  500us

Overall: timeout of all attempts together. Attempts: per call, with the retry budget (share of calls
+ a number per second). Hedge: attempts, and the wait before each further one. Deadline: inherited
from the caller's caller; a call that is given up is cancelled. Ejects: replicas, after this many
failures in a row or this share of failures. Pool: connections per replica of the caller, longest
wait for one. Latency: mean, one way.
"""


def test_settings_that_are_not_the_defaults_are_shown_with_the_services_that_have_them():
    lines = text(parse(RICH, "rich.yaml").topology)
    assert lines == RICH_AS_TEXT.strip().splitlines()


def test_it_does_not_depend_on_hash_order():
    outputs = {
        subprocess.run(
            [sys.executable, "-X", "utf8", "run.py", "topology", "show"],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(outputs) == 1


def test_a_policy_that_an_edge_has_gets_a_column():
    policies = (
        "{throttle: 2, adaptive_concurrency: {}, bulkhead: 5, inherit_deadline: true, retry: 2, avoid_tried: true}"
    )
    services = "a: {operations: {x: {calls: b.y}}}, b: {operations: {y: {}}}"
    mesh = f"{{name: m, services: {{{services}}}, edges: {{a -> b: {policies}}}, workload: {{mix: {{a.x: 1}}}}}}"
    lines = text(parse(mesh, "m.yaml").topology)
    head = next(number for number, line in enumerate(lines) if line.startswith("FROM / TO"))
    assert lines[head].split()[3:] == [
        "ATTEMPTS", "DEADLINE", "AVOIDS", "THROTTLE", "BULKHEAD", "ADAPTIVE", "BALANCE", "LATENCY",
    ]  # fmt: skip
    assert lines[head + 2].split() == ["b", "2", "inherited", "tried", "2", "5", "3-1000", "round_robin", "500us"]


def test_versions_that_are_scaled_or_replaced_in_their_own_ways_are_told_apart():
    mesh = """
name: m
services:
  a:
    rollout: recreate
    autoscale: 4
    operations: {x: {}}
    versions: {v1: {}, v2: {autoscale: none, rollout: in_place}, v3: {autoscale: {maximum: 9}}}
  b: {autoscale: 4, operations: {x: {}}, versions: {v1: {}, v2: {}}}
workload: {mix: {a.x: 1}}
"""
    lines = text(parse(mesh, "m.yaml").topology)
    place = next(number for number, line in enumerate(lines) if line.startswith("autoscaler"))
    four = "1 to 4 replicas with 80% of the cores in use"
    assert lines[place : place + 3] == [
        f"autoscaler  v1 {four}; v3 {four.replace('4', '9')}: a",
        f"            {four}: b",
        "rollout     v1 recreate; v2 in_place; v3 recreate: a",
    ]


def test_populations_of_which_all_come_whatever_becomes_of_them_are_shown():
    mesh = SMALL[: SMALL.index("workload:")] + (
        "workload: {populations: {people: {rate: 10/s, mix: {web.home: 1}}, robots: {rate: 1/s, mix: {web.cart: 1}}}}\n"
    )
    text = "\n".join(tables.lines(outline.blocks(parse(mesh, "mesh.yaml").topology)))
    assert "people" in text and "robots" in text
