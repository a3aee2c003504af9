"""Mesh and scenario files with arbitrary damage are either read or rejected with the reason.

The name of a test gives the seeds of its block. `MESHQUAKE_FUZZ_SEED` shifts all of them, to try other files.
"""

import os
import re
from random import Random

import pytest
from random_worlds import World

from meshquake.faults import loader as scenarios
from meshquake.topology import loader as meshes
from meshquake.topology.problems import DocumentError
from meshquake.topology.review import remarks

BASE = int(os.environ.get("MESHQUAKE_FUZZ_SEED", "0"))
MUTATIONS, BLOCK = 2000, 100
#: The longest report (bytes) on any file, however wrong.
LONGEST = 64 * 1024

MESH = """\
# A mesh with every kind of key.
name: small
defaults:
  service: {replicas: 2, workers: 4, startup: 250ms, readiness: {period: 300ms, failure_threshold: 2}}
  edge:
    latency: {exponential: 1ms}
    timeout: 200ms
  edges_to:
    database: {pool: {size: 4, acquire_timeout: 100ms}, retry: none}
services:
  web:
    kind: gateway
    queue: 16
    operations:
      home:
        work: 2ms
        calls:
          - [db.get: {hit_rate: 50%, on_miss: [db.scan]}, shop.list: {optional: true, probability: 20%}]
          - shop.buy
  shop:
    cpu: 1
    memory: {limit: 64MiB, per_request: 1MiB}
    version: 1.10
    operations:
      list: {work: {lognormal: {median: 5ms, sigma: 0.5}}}
      buy: {work: {mixture: [{weight: 9, constant: 1ms}, {weight: 1, gamma: {mean: 9ms, cv: 2}}]}, calls: db.get}
  db:
    kind: database
    operations: {get: {work: {pareto: {minimum: 1ms, alpha: 1.5, maximum: 1s}}}, scan: {work: {empirical: [1ms, 5ms]}}}
edges:
  web -> shop:
    retry: {max_attempts: 3, base: 5ms, on: [timeout, unavailable], budget: 20%}
    breaker: {window_time: 10s, minimum_calls: 20, failure_rate: 50%}
    bulkhead: 10
workload:
  rate: 20/s
  balance: random
  objective: {share: 95%, within: 500ms, window: 10s}
  mix: {web.home: 3, shop.list: 1}
"""

#: A mesh with the remaining features: callers, servers, rollouts and users as in real systems.
REAL = """\
name: real
cluster: 60
defaults: {edge: {timeout: 1s}}
services:
  web:
    kind: gateway
    autoscale: {maximum: 5, minimum: 2, cpu: 70%, up: {share: 100%, replicas: 4}, down: {window: 30s}}
    operations: {home: {calls: [api.q, shop.pay]}, cart: {criticality: sheddable, calls: shop.pay}}
  api:
    workers: 8
    rate_limit: {max_tokens: 5, tokens_per_fill: 20, fill_interval: 1s}
    liveness: {period: 5s, grace: 2s}
    restart_backoff: {base: 5s, maximum: 1m}
    operations: {q: {work: 2ms}}
  shop:
    replicas: 3
    queue: {limit: 16, discipline: codel, target: 5ms}
    cpu: {limit: 1500m, scheduling: quota}
    rollout: {strategy: rolling, max_surge: 1, max_unavailable: 25%, min_ready: 2s}
    versions: {v1: {weight: 9}, v2: {weight: 1, replicas: 1, operations: {pay: {work: 30ms}}}}
    operations: {pay: {work: 5ms, calls: [db.get: {times: {geometric: 50%}, on_failure: api.q}]}}
  db: {kind: database, operations: {get: {work: {exponential: 5ms}}}}
edges:
  web -> api: {hedge: {delay: 20ms, non_fatal: [timeout], tokens: 10}, throttle: 2}
  web -> shop:
    overall_timeout: 2s
    retry: {max_attempts: 3, base: 10ms, maximum: 1s, bucket: {capacity: 100, refund: true}, breaker: 10%}
    outlier: {consecutive: 5, success_rate: {hosts: 2}, failure_share: 85%, panic: 50%}
  shop -> db: {adaptive_concurrency: {least: 3}, pool: {size: 4, pending: 2}, balance: least_request, avoid_tried: true}
workload:
  rate: 20/s
  mix: {web.home: 1}
  populations:
    regulars: {users: 50, think_time: {exponential: 5s}, mix: {web.home: 3}, patience: 2s, reload: 50%, retry: 50%}
    shoppers:
      rate: 2/s
      journey: [web.home, web.cart: {chance: 50%, needs: web.home}]
      away: {exponential: 1m}
      returns: 30%
    crawler: {rate: 20/s, mix: {web.home: 1}, over_time: {bursts: {on: {exponential: 5s}, off: {exponential: 20s}}}}
"""

PUSHED = """name: pushed
topology: mesh.yaml
duration: 10s
lead_in: 5s
recovery: 5s
confounders: none
faults:
  - deploy: {target: api, canary: 25%, hold: 2s, error_budget: {share: 5%}, rollback_after: 5s}
  - flip: {targets: [web -> api, web -> shop], set: {hedge: none, outlier: none}, at: 2s, for: 3s}
  - slow: {target: "shop[1]", factor: {lognormal: {median: 30, sigma: 1}}, share: 50%, shape: {sine: 10s}}
  - delay: {target: web -> shop, by: {pareto: {minimum: 5ms, alpha: 1.5, maximum: 2s}}, shape: {steps: [0%, 100%]}}
  - probe: {target: api, share: 50%, by: 2s}
"""

SCENARIO = """\
name: small
summary: Many things
topology: mesh.yaml
duration: 10s
lead_in: 5s
recovery: 5s
rate: 30/s
confounders: none
faults:
  - slow: {target: db, factor: 4, ramp: 50%}
  - fail: {target: shop.buy, share: 30%, error: unavailable, at: 2s, for: 3s, severity: 50%}
  - any: {target: [web, shop], id: something}
  - deploy: {target: shop, version: 2.0.0, unhealthy: 80%, patience: 2s}
  - drop: {target: web -> shop, share: 10%..50%}
  - stop: {target: "shop[1]", at: 50%, for: 10%}
background:
  - restart: {target: "web[0]"}
  - surge: {target: users, factor: 2}
"""

#: Replacements for a value.
NASTY = [
    "", "0", "-1", "1", "1e9", "1000000000000", "9" * 400, "1e999", "-0.0", "nan", "inf", ".inf", "0x10", "1_000",
    "none", "null", "~", "true", "yes", "[]", "{}", "[[]]", "{a: b}", "[1, [2]]", "'", '"', "''", '"\\u0000"',
    '"\\x1b[31m"', "\u202eevil", "日本語", "\ud7ff", "é", "a" * 20000, "*x", "&x 1", "!!python/object:os.system x",
    "!!binary aGk=", "!x y", "<<: {a: 1}", "|", ">", "? a", "- ", ": ", "#", "%TAG", "---", "...", "@", "`", "\t",
    "\x00",
    "web", "web.home", "web -> shop", "web[0]", "web[999999999999]", "users", "50%", "1000%", "-5%", "5s", "5 s", "1us",
    "366d", "99999h", "1ms..5ms", "5ms..1ms", "{exponential: 1ms}", "{pareto: {minimum: 1s, alpha: 0, maximum: 1s}}",
    "{mixture: []}", "{mixture: [{weight: 0, constant: 1s}]}", "[" * 60 + "]" * 60, "[" * 3000, "{a: " * 3000,
    "- " * 3000,
]  # fmt: skip
TOKEN = re.compile(r"[\w.%/-]+|[^\w\s]")


def mutated(text, random):
    """Return a text with one to four changes, as bytes."""
    for _ in range(random.choice([1, 1, 1, 2, 4])):
        (change,) = random.choices(list(CHANGES), list(CHANGES.values()))
        text = change(text, random)
    content = text.encode("utf-8", "surrogatepass")
    if random.random() < 0.2 and content:
        at = random.randrange(len(content))
        content = content[:at] + bytes([content[at] ^ 1 << random.randrange(8)]) + content[at + 1 :]
    return content


def token(text, random):
    """Return the start and end of one of the text's words or marks."""
    found = list(TOKEN.finditer(text))
    return random.choice(found).span() if found else (0, 0)


def drop(text, random):
    start, end = token(text, random)
    return text[:start] + text[end:]


def double(text, random):
    start, end = token(text, random)
    return text[:end] + random.choice(["", " ", "."]) + text[start:end] * random.choice([1, 1, 50]) + text[end:]


def replace(text, random):
    start, end = token(text, random)
    return text[:start] + random.choice(NASTY) + text[end:]


def tweak(text, random):
    """Replace a number by another; the unit, and usually the meaning, stay."""
    found = list(re.finditer(r"\d+", text))
    start, end = random.choice(found).span() if found else (0, 0)
    return text[:start] + random.choice(["0", "1", "2", "7", "100", "100000", "0.5"]) + text[end:]


def swap(text, random):
    start, end = token(text, random)
    other, until = token(text, random)
    return text[:start] + text[other:until] + text[end:]


def cut(text, random):
    start, end = sorted(random.randrange(len(text) + 1) for _ in range(2))
    return text[:start] if random.random() < 0.3 else text[:start] + text[min(end, start + 200) :]


def move(text, random):
    lines = text.splitlines(keepends=True) or [""]
    line = lines[random.randrange(len(lines))]
    lines.insert(random.randrange(len(lines) + 1), line * random.choice([1, 1, 300]))
    return "".join(lines)


def indent(text, random):
    lines = text.splitlines(keepends=True) or [""]
    at = random.randrange(len(lines))
    lines[at] = random.choice(["  ", "\t", " "]) + lines[at] if random.random() < 0.5 else lines[at].lstrip()
    return "".join(lines)


def anchor(text, random):
    """Insert anchors, each of which contains the one before twice: small on paper, huge when expanded."""
    levels = [f"a{level}: &a{level} [*a{level - 1}, *a{level - 1}]" for level in range(1, random.randint(2, 40))]
    return "\n".join(["a0: &a0 [x]", *levels, text])


#: Ways to change a text, and their weights: slow ones, which are expanded up to the limit, weigh less.
CHANGES = {drop: 20, double: 10, swap: 20, replace: 40, tweak: 40, cut: 5, move: 10, indent: 10, anchor: 1}


def check_told(error, files):
    """Check that every problem names its file and line, and that the whole report is short enough to read."""
    assert error.problems
    for problem in error.problems:
        assert problem.file in files, problem
        assert problem.line >= 1, problem
        assert problem.message
    assert len(str(error).encode()) <= LONGEST


@pytest.mark.parametrize(("of", "what"), [(MESH, SCENARIO), (REAL, PUSHED)])
def test_what_is_broken_was_whole(of, what, tmp_path):
    (tmp_path / "mesh.yaml").write_text(of)
    (tmp_path / "scenario.yaml").write_text(what)
    scenarios.load(tmp_path / "scenario.yaml")


@pytest.mark.parametrize("first", range(BASE, BASE + MUTATIONS, BLOCK))
def test_any_broken_file_is_read_or_refused_with_file_and_line_of_all_that_is_wrong(first, tmp_path):
    print(f"mutations {first} to {first + BLOCK - 1}; MESHQUAKE_FUZZ_SEED={first} repeats them first")
    mesh, scenario = tmp_path / "mesh.yaml", tmp_path / "scenario.yaml"
    for seed in range(first, first + BLOCK):
        random = Random(seed)
        texts = dict(
            zip((mesh, scenario), map(str.encode, (REAL, PUSHED) if seed % 3 else (MESH, SCENARIO)), strict=True)
        )
        broken = random.choice([mesh, mesh, scenario])
        if seed % 10 == 0:
            world = World(seed)
            texts = {
                mesh: world.mesh.encode(),
                scenario: world.scenario.replace("{", '{"topology": "mesh.yaml", ', 1).encode(),
            }
        texts[broken] = mutated(texts[broken].decode(), random)
        for path, content in texts.items():
            path.write_bytes(content)
        try:
            try:
                loaded = scenarios.load(scenario, scenarios.Options(seed=seed % 2**63))
                assert len("\n".join(map(str, loaded.warnings)).encode()) <= LONGEST
                remarks(meshes.load(mesh))
            except DocumentError as error:
                check_told(error, {str(mesh), str(scenario)})
        except BaseException as error:
            error.add_note(f"in mutation {seed}: MESHQUAKE_FUZZ_SEED={seed} makes it first")
            error.add_note(texts[broken][:3000].decode("utf-8", "backslashreplace"))
            raise
