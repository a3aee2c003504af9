"""The services: the resources and load of each, and the settings in which some differ from the defaults."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from meshquake.exporters.blocks import Block, Facts, Table
from meshquake.topology.autoscale import Autoscale
from meshquake.topology.estimates import Load, offered_load
from meshquake.topology.policies import Backoff, Liveness, Probe, Queue, RateLimit, Readiness, StartupProbe
from meshquake.topology.rollout import BLUE_GREEN, ROLLING, Rollout
from meshquake.topology.spec import Service, Topology, Version
from meshquake.topology.units import counted, duration, number, portion, rate, ratio, size

_EXPLAINED = (
    "Workers, queue, cores and memory are per replica. Busy and held, while nothing is wrong: the share",
    "of cores in use, and of workers held by requests, including waits for other services.",
)
_BESIDES = ("They are shares of the cores and workers that the service's other work leaves free.",)


def services(topology: Topology) -> list[Block]:
    """Tabulate the services. The last columns are the load of the usual requests; non-default settings follow."""
    loads = offered_load(topology)
    columns: dict[str, Callable[[Service, Load], str]] = {
        "SERVICE": lambda service, load: service.name,
        "KIND": lambda service, load: service.kind,
        "REPLICAS": lambda service, load: str(service.replicas),
        "WORKERS": lambda service, load: str(service.workers),
        "QUEUE": lambda service, load: str(service.queue.limit),
        "CORES": lambda service, load: number(service.cores),
        "MEMORY": lambda service, load: size(service.memory.limit, digits=3),
        "CALLS": lambda service, load: rate(load.rate, digits=2),
        "BUSY": lambda service, load: ratio(load.cores, digits=2),
        "HELD": lambda service, load: ratio(load.workers, digits=2),
    }
    rows = [[show(service, loads[service.name]) for show in columns.values()] for service in topology.services]
    special = list(_special(topology))
    told: list[Block] = ["", Facts(special)] if special else []
    besides = _BESIDES if topology.environment.load else ()
    return [Table(list(columns), rows, align="<<>"), "", *_EXPLAINED, *besides, *told]


def _special(topology: Topology) -> Iterator[tuple[str, str]]:
    """Yield the settings that are not the defaults, each with the services that have it."""
    for name, show in _SETTINGS.items():
        having: dict[str, list[str]] = {}
        for service in topology.services:
            text = show(service)
            if text:
                having.setdefault(text, []).append(service.name)
        for place, (text, names) in enumerate(having.items()):
            whom = "all services" if len(names) == len(topology.services) > 1 else ", ".join(names)
            yield ("" if place else name), f"{text}: {whom}"


def _versions(service: Service) -> str:
    if not service.versions:
        return ""
    amounts = [each.replicas if each.weight is None else each.weight for each in service.versions]
    each_version = (
        f"{version.name} has {counted(version.replicas, 'replica')} and {ratio(amount / sum(amounts), digits=3)}"
        for version, amount in zip(service.versions, amounts, strict=True)
    )
    return ", ".join(each_version) + " of the calls"


def _queue(queue: Queue) -> str:
    if queue.discipline != "codel":
        return "" if queue.discipline == "fifo" else queue.discipline
    newest = ", the newest first" if queue.newest_first else ""
    return f"codel, target {duration(queue.target)}, interval {duration(queue.interval)}{newest}"


def _cores(service: Service) -> str:
    if service.scheduled != "quota":
        return "" if service.scheduled == "fifo" else service.scheduled
    return f"quota, every {duration(service.cpu.period)}"


def _each_version(service: Service, whole: str, show: Callable[[Version], str]) -> str:
    """Describe a service, or each of its versions if they differ; `whole` is the text without versions."""
    texts = {version.name: show(version) for version in service.versions}
    if len(set(texts.values())) < 2:
        return next(iter(texts.values()), whole)
    return "; ".join(f"{name} {text}" for name, text in texts.items() if text)


def _rollout(rollout: Rollout) -> str:
    if rollout == Rollout():
        return ""
    words = [rollout.strategy]
    if rollout.strategy == ROLLING:
        words += [f"max_surge {portion(rollout.max_surge)}", f"max_unavailable {portion(rollout.max_unavailable)}"]
    if rollout.min_ready:
        words.append(f"min_ready {duration(rollout.min_ready)}")
    if rollout.strategy == BLUE_GREEN:
        words.append(f"old replicas kept for {duration(rollout.keep)}")
    return ", ".join(words)


def _autoscaler(scaler: Autoscale | None) -> str:
    if scaler is None:
        return ""
    targets = [] if scaler.cpu is None else [f"{ratio(scaler.cpu)} of the cores in use"]
    targets += [] if scaler.requests is None else [f"{rate(scaler.requests)} each"]
    return f"{scaler.minimum} to {scaler.maximum} replicas with {' or '.join(targets)}"


def _readiness(probe: Readiness) -> str:
    return "" if probe == Readiness() else f"{_probe(probe)}, out after {_failures(probe, Readiness.looks_at)}"


def _liveness(probe: Liveness | None) -> str:
    if probe is None:
        return ""
    begins = f" from {duration(probe.initial_delay)} on" if probe.initial_delay else ""
    return f"{_probe(probe)}{begins}, ended after {_failures(probe, Liveness.looks_at)}"


def _startup_probe(probe: StartupProbe | None) -> str:
    if probe is None:
        return ""
    begins = f" from {duration(probe.initial_delay)} on" if probe.initial_delay else ""
    return f"{_probe(probe)}{begins}, ended after {counted(probe.failure_threshold, 'failure')}"


def _probe(probe: Probe) -> str:
    return f"every {duration(probe.period)} ({duration(probe.timeout)} to answer)"


def _failures(probe: Readiness | Liveness, usual: str) -> str:
    looks = f", looks at the {probe.looks_at}" if probe.looks_at != usual else ""
    return f"{counted(probe.failure_threshold, 'failure')}{looks}"


def _restarts(backoff: Backoff | None) -> str:
    return "" if backoff is None else f"after {duration(backoff.base)} to {duration(backoff.maximum)}"


def _rate_limit(limit: RateLimit | None) -> str:
    if limit is None:
        return ""
    lets = rate(limit.tokens_per_fill / limit.fill_interval, digits=3)
    return f"{lets} a replica, bursts of {limit.max_tokens}"


#: Non-default settings of a service in words, by name; empty text for the default.
_SETTINGS: dict[str, Callable[[Service], str]] = {
    "versions": _versions,
    "autoscaler": lambda service: _each_version(
        service, _autoscaler(service.autoscale), lambda version: _autoscaler(version.autoscale)
    ),
    "rollout": lambda service: _each_version(
        service, _rollout(service.rollout), lambda version: _rollout(version.rollout)
    ),
    "startup": lambda service: "" if service.startup == Service.startup else duration(service.startup),
    "readiness": lambda service: _readiness(service.readiness),
    "startup probe": lambda service: _startup_probe(service.startup_probe),
    "liveness": lambda service: _liveness(service.liveness),
    "restarts": lambda service: _restarts(service.restart_backoff),
    "rate limit": lambda service: _rate_limit(service.rate_limit),
    "queue": lambda service: _queue(service.queue),
    "cores": _cores,
    "handlers": lambda service: "" if service.handlers == "threads" else service.handlers,
    "warm-up": lambda service: "" if service.warm_up is None else duration(service.warm_up),
}
