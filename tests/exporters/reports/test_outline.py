"""A mesh told in words."""

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

SERVICE  KIND      REPLICAS  WORKERS  QUEUE  CORES  MEMORY  CALLS   BUSY   HELD
web      gateway          2       16     64     16  512MiB   40/s   1.3%   3.8%
cart     service          1       16     64     16  512MiB   40/s   2.5%   3.6%
ads      external         1       16     64     16  512MiB   30/s   1.9%   1.9%
cache    cache            1       16     64     16  512MiB   44/s  0.27%  0.28%
db       database         1        8     16      2    2GiB   19/s   7.6%   1.9%

Workers, queue, cores and memory are per replica. Busy and held, while nothing is wrong: the share
of cores that work, and of workers that requests hold, waits for other services included.

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
  ads      -        1            -                  -      round_robin  1ms
  db       -        1            -                  -      round_robin  1ms
cart
  cache    -        1            -                  -      round_robin  1ms
  db       50ms     1            50% of 20/10s; 5s  8, 1s  round_robin  1ms

Attempts: per call, with the retry budget (share of calls + a number per second). Breaker: share of
failures that opens it, of at least so many calls (in the window); how long it stays open. Pool:
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
    """So it stays as long as the file, where the call tree could be exponentially larger."""
    calls = [c for s in mesh.services for o in s.operations for group in o.calls for c in group]
    branches = [line for line in text(mesh) if "─ " in line and not line.endswith("at once")]
    # Each call stands below its operation, which is shown once; its followers stand wherever it does.
    assert len(branches) <= sum(1 + len(call.on_miss) for call in calls)


def test_populations_are_shown_with_what_they_ask_for_and_the_rate_of_all_is_rounded():
    mesh = SMALL[: SMALL.index("workload:")] + (
        "workload: {rate: 5/s, mix: {web.home: 1}, populations: {"
        "shoppers: {rate: 2/s, journey: [web.home, web.cart: {chance: 50%}], patience: 2s}, "
        "regulars: {users: 7, think_time: 3s, mix: {web.cart: 1}, retry: 10%}}}"
    )
    lines = tables.lines(outline.blocks(parse(mesh, "small.yaml").topology))
    assert lines[0].endswith(" 10.3/s from users")
    first = lines.index("POPULATION  COMES AS       ASKS FOR            PATIENCE  REQUESTS")
    assert lines[first + 1 : first + 4] == [
        "usual       5/s            any of 1                   -       5/s",
        "shoppers    2/s, sessions  journey of 2 steps        2s       3/s",
        "regulars    7 users        any of 1                   -     2.3/s",
    ]


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
