"""`--set` reaches every key in the schemas of the files, including keys added later."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import Any

from editor import value
from jsonschema import Draft202012Validator

from meshquake.faults import edits
from meshquake.faults import loader as scenario_loader
from meshquake.faults.kinds import fault_kinds
from meshquake.faults.schema import scenario_schema
from meshquake.topology import loader as topology_loader
from meshquake.topology.document import Document
from meshquake.topology.problems import DocumentError
from meshquake.topology.schema import topology_schema

DAY_BY_HOURS, WEEK_BY_DAYS = (f"[{', '.join(['30%'] * count)}]" for count in (24, 7))
#: A mesh with one of each named thing, and of everything that is absent by default.
MESH = """
name: reach
cluster: 1000
defaults: {edge: {latency: 1ms, pool: 50}}
services:
  web:
    kind: gateway
    operations: {home: {calls: [api.get: {}, work: 1ms, [api.put, [api.get: {times: 2}]]]}}
  api:
    replicas: 2
    autoscale: {maximum: 5, cpu: 60%}
    operations:
      get: {work: {lognormal: {median: 3ms, sigma: 0.4}}, calls: [cache.get: {hit_rate: 50%, on_miss: [db.read: {}]}]}
      put: {work: {mixture: [{weight: 1, constant: 1ms}, {weight: 2, gamma: {mean: 2ms, cv: 1}}]}, calls: db.read}
  reviews:
    versions: {v1: {weight: 1}, v2: {weight: 2, autoscale: {maximum: 5, cpu: 60%}, operations: {get: {work: 4ms}}}}
    operations: {get: {work: {pareto: {minimum: 1ms, alpha: 2, maximum: 9ms}}}}
  cache: {kind: cache, operations: {get: {}}}
  db: {kind: database, operations: {read: {work: {empirical: [1ms, 2ms]}}, write: {work: {exponential: 2ms}}}}
edges:
  web -> api: {retry: 3, hedge: none, pool: 9}
  api -> db: {hedge: {delay: 5ms}, retry: none}
workload:
  rate: 5/s
  mix: {web.home: 1, reviews.get: 1}
  populations:
    them: {users: 3, think_time: 1s, patience: 2s, retry: 50%, mix: {web.home: 1, reviews.get: 1}}
    they: {rate: 3/s, journey: [web.home, reviews.get: {chance: 50%}], over_time: {sine: {period: 1m}}}
    those: {rate: 1/s, mix: {web.home: 1}, over_time: {bursts: {on: 1s, off: 1s}}}
    further: {rate: 1/s, mix: {web.home: 1}, over_time: {ramp: {up: 10s}}}
    others: {rate: 1/s, mix: {web.home: 1}, over_time: {on_off: {on: 10s, off: 5s}}}
    daily: {rate: 1/s, mix: {web.home: 1}, over_time: {week: {hours: HOURS}}}
    replayed: {replay: requests.csv}
environment:
  users: [10%]
  errors: {share: 1%, varies: 10%}
  slow_mode: {share: 2%, varies: 10%}
  jobs: [{name: backup, on: db, every: 1h, takes: 1m}]
TELEMETRY""".replace("HOURS", f"[{', '.join(['20%', '70%'] * 12)}]")
#: The block of a mesh and of a scenario.
TELEMETRY = """telemetry:
  metrics: {cpu_usage: {unit: share, of: service}, busy: {is: cpu_usage / 100, unit: one}, latency_p*: {docs: long}}
  leave_out: [{metric: latency_p99, of: replica}]
  logs:
    format: [{line: '{message}', service: web}, '{json}']
    lines: [{when: handled, text: '{operation}'}, {cause: timeout, level: FATAL}]
    chatter: [{every: 5s, text: '{replica}'}]
  traces: {attributes: {user.id: who}}
"""
MESH = MESH.replace("TELEMETRY", TELEMETRY)
#: Faults of every kind, each on a target the kind can act on.
FAULTS = {
    "configure": "target: db",
    "delay": "target: web -> api, by: 5ms",
    "deploy": "target: api, version: 2.0.0, canary: 1",
    "drop": "target: web -> api",
    "fail": "target: db, share: 50%",
    "flip": "target: web -> api, set: {timeout: 1s}",
    "flush": "target: cache",
    "handshake": "target: web -> api",
    "hang": "target: db",
    "hog_cpu": "target: db",
    "job": "target: db",
    "leak": "target: db, rate: 1MiB",
    "miss": "target: api -> cache",
    "pause": "target: db",
    "probe": "target: db",
    "refuse": "target: db",
    "reset": "target: web -> api",
    "restart": "target: 'db[0]'",
    "scale": "target: db, to: 3",
    "shrink_pool": "target: web -> api",
    "slow": "target: db, factor: 2",
    "stop": "target: db",
    "surge": "target: users, factor: 2",
    "throttle": "target: db",
}
#: Keys that need other targets, or that exclude others.
FURTHER = [
    "deploy: {target: db, version: 2.0.0}",
    "deploy: {target: reviews, version: 2.0.0, deployment: v1}",
    "scale: {target: reviews, to: 3, deployment: v1}",
    "flip: {target: reviews, deployment: v1, set: {weight: 5}}",
]
#: The required keys of each kind of action, and those that need other targets.
ACTIONS = [
    "change: {target: web -> api, set: {timeout: 70ms}}",
    "change: {target: reviews, deployment: v1, set: {weight: 5}}",
    "drain: {target: 'db[0]'}",
    "mend: {target: db}",
    "restart: {target: 'db[0]'}",
    "rollback: {target: db}",
    "rollback: {target: reviews, deployment: v1}",
    "scale: {target: db, to: 3}",
    "scale: {target: reviews, to: 3, deployment: v1}",
    "shift: {target: reviews, to: v1, from: v2}",
]
#: Values to try for a key. The schema says which are valid for it; one of these differs from the current value.
VALUES = [
    *("cpu_*", "d*", "api", "error_rate", "[{when: handled, level: FATAL}]", "[{every: 7s, text: tick}]"),
    *("more.csv", "web.home", "mysql", "word", "v2", "them"),
    *("1", "2", "3", "7", "0.37", "1.5", "5000", "3%", "37%", "3ms", "700ms", "1.7s", "30s", "3m", "43MiB", "900MiB"),
    *("11/s", "200m", "true", "false", "9.9.9", "GET /other", "a.Service/Other"),
    *("api.get", "db.read", "reviews.get", "db.write", "[db.write]", "[api.get, db.read]", "[web.home]"),
    *(
        "{exponential: 7ms}",
        "{poisson: 2}",
        "{steps: [20%, 60%]}",
        "{on_off: {on: 5s, off: 2s}}",
        "[{weight: 3, constant: 5ms}]",
        "[3ms, 4ms]",
    ),
    *("[timeout]", "[10%, 90%]", DAY_BY_HOURS, WEEK_BY_DAYS, "{web.home: 3}", "{db.read: {}}"),
    *("cache", "'api[1]'", "web -> api", "users", "cache[0]", "api -> cache", "[db, cache]", "['api[1]', 'db[0]']"),
    *("[api -> db, api -> cache]", "{workers: 3}", "{timeout: 77ms}", "{queue: 5}", "none", "0"),
]
#: The values as an editor parses them.
READ = {each: value(each) for each in VALUES}
#: Keys that no path can begin with: the names of a run and of its mesh, and the defaults, which apply to services and
#: edges.
OTHERS = {"name", "summary", "group", "topology", "confounders", "defaults"}
#: Keys that need an installed package.
OF_PACKAGES = {"services.*.logs", "edges.*.policies"}
#: Keys that name two versions of a service or another fault, of which the document has no second one to name.
BESIDES = {*(f"actions[].shift.{each}" for each in ("target", "to", "from")), "actions[].mend.fault"}
#: A key whose value is read as a whole, whatever it contains, and the key that can replace it.
WHOLE, INSTEAD = ".target", ".targets"


@dataclass(frozen=True)
class Leaf:
    """A key that has no keys below it, at one place of a document.

    `place` is its path with a star for names and list items. `needs` are the other keys, each with its schema, that a
    block on the way requires.
    """

    path: str
    place: str
    schema: dict[str, Any]
    needs: tuple[tuple[str, dict[str, Any]], ...] = ()


class Walk:
    """The leaves of a schema: every key of a block, present or not; otherwise only what the document has."""

    def __init__(self, schema):
        self.whole = schema

    def resolved(self, schema):
        while "$ref" in schema:
            found = self.whole
            for word in schema["$ref"].removeprefix("#/").split("/"):
                found = found[word]
            schema = found
        return schema

    def below(self, at, node):
        """Yield the leaves below one, which may be itself."""
        further, named = [], False
        schema = self.resolved(at.schema)
        for each in map(self.resolved, [schema] if "properties" in schema else schema.get("anyOf", [schema])):
            entries = node.entries if node is not None and node.kind == "map" else {}
            listed = node is not None and node.kind == "list"
            if "properties" in each and not listed and (node is None or entries.keys() >= {*each["required"]}):
                keys = each["properties"]
                besides = [(word, f"{at.path}.{word}") for word in each.get("required", ()) if word not in entries]
                # A block with exactly one of several keys can't have another one added.
                for word in keys if "maxProperties" not in each else keys.keys() & entries.keys():
                    needs = (*at.needs, *((path, keys[other]) for other, path in besides if other != word))
                    inner = Leaf(f"{at.path}.{word}".strip("."), f"{at.place}.{word}".strip("."), keys[word], needs)
                    further.append((inner, entries.get(word)))
            elif isinstance(each.get("additionalProperties"), dict):
                named = True
                below = each["additionalProperties"]
                further += [(Leaf(one.path, f"{at.place}.*", below, at.needs), one) for one in entries.values()]
            elif "items" in each and node is not None:
                below = each["items"]
                further += [(Leaf(one.path, f"{at.place}[]", below, at.needs), one) for one in node.items]
        if (not further and not named) or at.place.endswith((WHOLE, INSTEAD)):
            yield at
            return
        for inner, found in further:
            yield from self.below(inner, found)

    def fitting(self, schema):
        """Return the values that a schema accepts."""
        resolved = self.resolved(schema)
        validator = Draft202012Validator({**resolved, "$defs": self.whole["$defs"]})
        words = [str(word) for one in (resolved, *resolved.get("anyOf", ())) for word in one.get("enum", ())]
        found = [each for each in [*words, *VALUES] if validator.is_valid(READ.get(each, each))]
        return found if len(found) < 29 else found[:10]  # any text fits: the schema can't say what is wrong

    def has_effect(self, leaf, text, load):
        """Return whether some value is accepted and changes what is loaded, beyond making room for it."""
        before = load(text)
        for path, schema in leaf.needs:
            text = edits.apply(text, path, self.fitting(schema)[0])
        grounded = [before, load(text), changed(text, leaf.path.rpartition(".")[0], "{}", load)]
        found = (changed(text, leaf.path, each, load) for each in self.fitting(leaf.schema))
        return any(each is not None and each not in grounded for each in found)


def changed(text, path, each, load):
    """Return the loaded result with a value at a path; None if it is refused."""
    try:
        return load(edits.apply(text, path, each))
    except ValueError:
        return None


def unreached(schema, text, load, others):
    """Return the places where no value that the schema accepts can be set with an effect."""
    walk, found = Walk(schema), defaultdict(list)
    root = Document.parse(text, "text").root
    for word, below in schema["properties"].items():
        if word not in others:
            for leaf in walk.below(Leaf(word, word, below), root.entries.get(word)):
                found[leaf.place].append(leaf)
    assert len(found) > 60
    # A block or list in one place of the document need not be one elsewhere.
    places = {
        place
        for place in found
        if not place.endswith(INSTEAD) and not any(other.startswith((f"{place}.", f"{place}[")) for other in found)
    }
    return {place for place in places if not any(walk.has_effect(each, text, load) for each in found[place])}


def test_every_key_of_a_mesh_can_be_set_and_has_an_effect(tmp_path):
    (tmp_path / "requests.csv").write_text("time,entry\n0,web.home\n")
    (tmp_path / "more.csv").write_text("time,entry\n0,web.home\n1,web.home\n")

    @cache
    def load(text):
        try:
            return topology_loader.parse(text, "mesh.yaml", tmp_path).topology
        except DocumentError:
            return None

    assert load(MESH) is not None
    assert unreached(topology_schema(), MESH, load, OTHERS) == OF_PACKAGES


def test_every_key_of_every_kind_of_fault_can_be_set_and_has_an_effect(tmp_path):
    mesh = topology_loader.parse(MESH.replace("    replayed: {replay: requests.csv}\n", ""), "mesh.yaml")
    faults = "".join(f"  - {each}\n" for each in [*(f"{kind}: {{{keys}}}" for kind, keys in FAULTS.items()), *FURTHER])
    text = f"name: reach\nconfounders: none\nduration: 60s\nfaults:\n{faults}background:\n  - stop: {{target: db}}\n"
    text += "actions:\n" + "".join(f"  - {each}\n" for each in ACTIONS) + TELEMETRY

    @cache
    def load(text):
        try:
            return scenario_loader.parse(text, "s.yaml", mesh=mesh).scenario
        except DocumentError:
            return None

    assert set(FAULTS) == set(fault_kinds().own)
    assert load(text) is not None
    assert unreached(scenario_schema(), text, load, OTHERS) == BESIDES
