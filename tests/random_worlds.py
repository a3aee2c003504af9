"""Meshes and scenarios as texts, drawn from a seed: anything that files can express, small enough to play."""

from __future__ import annotations

import json
from random import Random

DURATIONS = ["0", "1ms", "10ms", "100ms", "1s"]
#: Faults that a scenario may have, by kind: where they act, and options for their own keys.
FAULTS = {
    "configure": (("service",), [{}]),
    "delay": (("edge",), [{"by": "20ms"}, {"by": "3s"}]),
    "deploy": (("service",), [{}, {"share": "50%"}, {"unhealthy": "100%", "patience": "1s"}, {"factor": 20}]),
    "drop": (("edge",), [{}, {"share": "50%"}]),
    "fail": (("service", "replica", "operation"), [{"share": "100%"}, {"share": "30%", "error": "unavailable"}]),
    "hang": (("service", "replica", "operation"), [{}, {"share": "20%"}]),
    "hog_cpu": (("service", "replica"), [{}, {"share": "99.9%"}]),
    "job": (("service", "replica"), [{}]),
    "leak": (("service", "replica"), [{"rate": "100MiB"}, {"rate": "4GiB"}]),
    "refuse": (("service", "replica", "operation"), [{}, {"share": "50%"}]),
    "restart": (("replica",), [{}]),
    "shrink_pool": (("edge",), [{"to": "1%"}]),
    "slow": (("service", "replica", "operation"), [{"factor": 4}, {"factor": 1000}]),
    "stop": (("service", "replica"), [{}]),
    "surge": (("users",), [{"factor": 5}]),
    "throttle": (("service", "replica"), [{}, {"to": "0.1%"}]),
    "pause": (("service", "replica"), [{"length": "200ms", "every": "1s"}, {"length": "5s"}]),
    "probe": (("service", "replica"), [{}, {"share": "50%", "by": "2s"}]),
    "handshake": (("edge",), [{}, {"share": "50%"}]),
    "reset": (("edge",), [{"every": "100ms"}, {"share": "20%"}]),
}


class World:
    """A mesh and a scenario on it."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        #: Draws of the later kinds of step: separate, so that they leave all other draws of a seed unchanged.
        self._more = Random(f"more {seed}")
        self._latest = Random(f"latest {seed}")
        self._environment = Random(f"environment {seed}")
        count = self._random.randint(1, 6)
        names = [
            (f"s{number}", f"op{op}") for number in range(count) for op in range(self._random.choice([1, 1, 2, 3]))
        ]
        # Operations have no cycles but services do, since a service's operations are spread over the order.
        self._random.shuffle(names)
        self._sites: dict[tuple[str, str], int] = {}
        self._pairs: dict[tuple[str, str], None] = {}
        self._operations = {}
        for place in reversed(range(len(names))):
            self._operations[names[place]] = self._operation(names[place], names[place + 1 :])
        self._services = list(dict.fromkeys(service for service, _ in names))
        self._replicas = {name: self._random.randint(1, 3) for name in self._services}
        entries = [name for name in names if self._sites[name] <= 30][: self._random.randint(1, 2)]
        self._entries = entries or [names[-1]]
        self.mesh = json.dumps(self._mesh(), indent=1)
        self.scenario = json.dumps(self._scenario(), indent=1)

    def _maybe(self, chance: float) -> bool:
        return self._random.random() < chance

    def _operation(self, name: tuple[str, str], later: list[tuple[str, str]]) -> dict:
        self._sites[name] = 1
        groups = [
            [self._call(name, later) for _ in range(self._random.choice([1, 1, 2]))]
            for _ in range(self._random.choice([0, 1, 1, 2]) if later else 0)
        ]
        steps = [self._step(group) for group in groups]
        own = {"error_rate": "10%", "error": "unavailable"} if self._more.random() < 0.1 else {}
        own |= {"contention": self._more.choice(["1%", "100%"])} if self._more.random() < 0.1 else {}
        return {"work": self._work(), **({"calls": steps} if steps else {}), **own}

    def _step(self, calls: list) -> list:
        """Return some calls made concurrently, or one of them in sequence with own work, as one branch among others."""
        work = {"work": self._more.choice(["0", "2ms", {"exponential": "5ms"}])}
        first, *others = calls
        return self._more.choice(
            [calls] * 3 + [[[first, work], *others], [[work, [first, *others], work]], [work, *calls]]
        )

    def _call(self, caller: tuple[str, str], later: list[tuple[str, str]]) -> dict:
        target = self._random.choice(later)
        self._sites[caller] += self._sites[target]
        self._pairs[caller[0], target[0]] = None
        call: dict = {}
        if self._maybe(0.2):
            call["probability"] = self._random.choice(["0%", "50%", "100%"])
        if self._maybe(0.2):
            call["optional"] = self._random.choice(["true", "false"])
        if self._maybe(0.2):
            follower = self._random.choice(later)
            self._sites[caller] += self._sites[follower]
            self._pairs[caller[0], follower[0]] = None
            call |= {"hit_rate": self._random.choice(["0%", "50%", "100%"]), "on_miss": [".".join(follower)]}
        if self._more.random() < 0.15 and not call.get("hit_rate"):
            follower = self._more.choice(later)
            self._sites[caller] += self._sites[follower]
            self._pairs[caller[0], follower[0]] = None
            call["on_failure"] = [{".".join(follower): {"optional": self._more.choice(["true", "false"])}}]
        if self._latest.random() < 0.2:
            chains = ["on_success", "on_failure"] if "hit_rate" not in call else ["on_miss"] * ("on_miss" in call)
            for word in chains:
                call[word] = [*call.get(word, []), {"work": self._latest.choice(["0", "3ms"])}]
        if self._more.random() < 0.15 and self._sites[target] <= 10:
            self._sites[caller] += 2 * self._sites[target]
            call["times"] = self._more.choice([3, {"empirical": [0, 1, 3]}, {"poisson": {"mean": 1, "maximum": 3}}])
            call["at_once"] = self._more.choice(["true", "false"])
        return {".".join(target): call}

    def _work(self) -> object:
        mean = self._random.choice(["1ms", "5ms", "30ms"])
        return self._random.choice(
            [
                "0",
                mean,
                {"exponential": mean},
                {"lognormal": {"median": mean, "sigma": 2}},
                {"pareto": {"minimum": mean, "alpha": 0.5, "maximum": "100s"}},
                {"gamma": {"mean": mean, "cv": 5}},
                {"mixture": [{"weight": 1, "constant": "0s"}, {"weight": 1, "exponential": mean}]},
            ]
        )

    def _mesh(self) -> dict:
        services = {}
        for name in self._services:
            service: dict = {
                "replicas": self._replicas[name],
                "workers": self._random.choice([1, 2, 16]),
                "queue": self._random.choice([0, 1, 64, 10_000_000]),
                "startup": self._random.choice(["0", "1ms", "1s"]),
                "readiness": {
                    "period": self._random.choice(["1s", "2s", "5s"]),
                    "failure_threshold": self._random.randint(1, 3),
                },
                "operations": {op: found for (own, op), found in self._operations.items() if own == name},
            }
            if self._maybe(0.3):
                service["cpu"] = self._random.choice([1, 1, "500m", {"limit": 2, "scheduling": "fair"}])
            if self._maybe(0.2):
                discipline = self._random.choice(["lifo", "codel", "priority"])
                service["queue"] = {"limit": service["queue"], "discipline": discipline}
            if self._maybe(0.1):
                service["rate_limit"] = {"max_tokens": 5, "fill_interval": "100ms"}
            if self._maybe(0.1):
                service["liveness"] = {
                    "period": "1s",
                    "grace": "1s",
                    "looks_at": self._random.choice(["queue", "process"]),
                }
            if self._maybe(0.3):
                service["kind"] = self._random.choice(["gateway", "cache", "database", "external"])
            if self._maybe(0.2):
                service["memory"] = {"limit": "64MiB", "per_request": self._random.choice(["0", "10MiB"])}
            if self._more.random() < 0.2:
                service["handlers"] = "async"
            services[name] = service
        self._edges = edges = {f"{caller} -> {callee}": self._edge() for caller, callee in self._pairs}
        mix = {".".join(name): self._random.randint(1, 3) for name in self._entries}
        rate = self._random.choice(["5/s", "40/s", "120/s"])
        mesh = {"name": "world", "services": services, "edges": edges, "workload": {"rate": rate, "mix": mix}}
        if self._environment.random() < 0.2:
            concerns = {
                "users": self._environment.choice(["50%", [{"cv": "20%", "over": "10s"}, "20%"]]),
                "errors": self._environment.choice(["5%", {"share": "1%", self._entries[0][0]: "20%"}]),
                "slow_mode": self._environment.choice(["5%", {"share": "20%", "at": "2s"}]),
                "load": self._environment.choice(["30%", {"cores": "70%", "workers": "60%"}]),
            }
            count = self._environment.randint(1, len(concerns))
            mesh["environment"] = {word: concerns[word] for word in self._environment.sample(list(concerns), count)}
        return mesh

    def _edge(self) -> dict:
        edge: dict = {"latency": self._random.choice(["0", "1ms", {"exponential": "2ms"}])}
        choices = {
            "timeout": ["1ms", "20ms", "200ms"],
            "connect_timeout": ["1ms", "1s"],
            "balance": ["round_robin", "random", "least_request"],
            "retry": [2, {"max_attempts": 10, "base": "0", "on": ["timeout", "dependency_failed"]}, {"budget": "20%"}],
            "breaker": [{"window_calls": 5, "minimum_calls": 2, "open_for": "200ms"}, {"window_time": "1s"}],
            "bulkhead": [1, 10],
            "pool": [1, 10, {"size": 2, "acquire_timeout": "0", "connect": "0"}],
            "cancellation": ["true"],
        }
        for key, values in choices.items():
            if self._maybe(0.35):
                edge[key] = self._random.choice(values)
        if isinstance(edge.get("retry"), dict) and "timeout" in edge["retry"].get("on", ()):
            edge["retry"]["max_attempts"] = self._random.choice([2, 3])
        return edge

    def _scenario(self) -> dict:
        faults = [self._fault(number) for number in range(self._random.choice([0, 1, 2, 3]))]
        return {
            "name": "world",
            "duration": "1s",
            "lead_in": self._random.choice(["0", "300ms"]),
            "recovery": self._random.choice(["0", "500ms"]),
            "confounders": self._random.choice(["none", "some", "many"]),
            "faults": [fault for fault in faults if fault],
        }

    def _fault(self, number: int) -> dict | None:
        kind = self._random.choice(list(FAULTS))
        levels, keys = FAULTS[kind]
        level = self._random.choice(levels)
        service = self._random.choice(self._services)
        edges = [edge for edge, policies in self._edges.items() if kind != "shrink_pool" or "pool" in policies]
        if level == "edge" and not edges:
            return None
        own = [op for one, op in self._operations if one == service]
        target = {
            "users": "users",
            "service": service,
            "replica": f"{service}[{self._random.randrange(self._replicas[service])}]",
            "operation": f"{service}.{self._random.choice(own)}",
            "edge": self._random.choice(edges or [""]),
        }[level]
        block = {"id": f"f{number}", "target": target, **self._random.choice(keys)}
        if kind not in ("configure", "deploy", "restart"):
            block |= self._random.choice([{}, {"at": "20%", "for": "50%"}, {"for": "10%"}])
        return {kind: block}
