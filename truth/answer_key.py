"""The answer key as one JSON object: what was wrong, how it reached users, and which other symptoms do not matter.

Everything in it comes from the compared runs (`truth.twins`) and from what the faults say of themselves; nothing comes
from a scenario's name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, is_dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np

from meshquake.faults.change import Change
from meshquake.faults.fault import Cause, Target
from meshquake.faults.levels import VISIBILITIES
from meshquake.sim.observability.collector import Collector
from meshquake.sim.records import RECORD_KINDS
from meshquake.sim.telemetry.metrics import METRICS, Alert, signal
from meshquake.sim.telemetry.sampling.series import Series
from meshquake.sim.telemetry.tables import microseconds
from meshquake.topology.binder import keys_of
from meshquake.topology.distributions import Distribution, Mixture
from meshquake.topology.graph import name_of
from meshquake.topology.portion import Portion
from meshquake.topology.shapes import Shape
from meshquake.topology.spec import Topology
from meshquake.topology.units import counted, portion
from meshquake.truth.departures import Departure
from meshquake.truth.finding import Finding
from meshquake.truth.mechanism import AMPLIFYING, RARE, Step
from meshquake.truth.relief import Relief
from meshquake.truth.twins import Twins

FORMAT = 2
#: How hard a fault's root is to see: it is the loudest of all services, or others are louder, or it shows nothing.
DIFFICULTIES = VISIBILITIES
#: Keys that every fault has: these have their own places in the answer key.
_COMMON = frozenset(("id", "target", "targets", "at", "for", "ramp"))
#: Other happenings are suspicious from this many seconds before a fault begins.
_NEAR = 60.0

Symptoms = Sequence[tuple[str, float]]


def ground_truth(twins: Twins, symptoms: dict[str, Symptoms], fixture: str) -> dict[str, Any]:
    """The key of a run that was played to its end.

    Parameters
    ----------
    twins
        The run and its twins.
    symptoms
        For each fault, by its id, the services from loudest to quietest (`truth.floors.Loudness`), comparing the run's
        telemetry before and after `since(finding)`.
    fixture
        The name of the recording, which gives nothing away.
    """
    simulation = twins.simulation
    scenario, topology = simulation.scenario, simulation.topology
    clock = Clock(simulation.start)
    objective = topology.workload.objective
    stories = [_Telling(finding, twins, clock, symptoms[finding.fault.id]) for finding in twins.findings]
    reached = {each["service"] for story in stories for each in story.affected}
    return {
        "format": FORMAT,
        "fixture": fixture,
        "incident": twins.incident,
        "objective": {
            "share": objective.share,
            "within_ms": objective.within * 1000,
            "window_s": objective.window,
            "minimum": objective.minimum,
        },
        "recording": {"start": clock(0.0), "end": clock(scenario.length)},
        "services": [service.name for service in topology.services],
        "requests": {
            "total": twins.total,
            "harmed": twins.harmed,
            "spared": twins.spared,
            "background": twins.background,
            **({"abandoned": twins.abandoned, "unmade": twins.unmade} if topology.workload.answers_matter else {}),
        },
        "faults": [story.content(reached) for story in stories],
        "background": [
            {
                "id": each.id,
                "kind": each.kind,
                "target": str(each.target),
                "start": clock(each.start),
                "end": clock(each.end),
                "event": _event(twins, each.id, clock),
            }
            for each in besides(twins)
        ],
        **({} if twins.relief is None else {"actions": _actions(twins, twins.relief, clock)}),
        **({} if simulation.collector is None else {"observability": _observed(simulation.collector)}),
        **({"metrics": simulation.metrics.names} if simulation.metrics.changed else {}),
    }


def _actions(twins: Twins, relief: Relief, clock: Clock) -> dict[str, Any]:
    """What an operator did, and its effect on the harm: an answer to the incident, not part of it."""
    simulation = twins.simulation
    windows = {action.id: simulation.acted(action) for action in simulation.scenario.actions}
    return {
        "harmed_without": relief.harmed,
        "saved": relief.saved,
        "lost": relief.lost,
        "taken": [
            {
                "id": action.id,
                "kind": action.kind,
                "target": str(action.target),
                **({"targets": [str(each) for each in action.targets]} if action.targets else {}),
                "parameters": parameters(action),
                "start": clock(windows[action.id].start),
                "end": clock(windows[action.id].end),
                "event": _event(twins, action.id, clock),
            }
            for action in simulation.scenario.actions
        ],
    }


def _observed(collector: Collector) -> dict[str, Any]:
    """How well the mesh was observed, and what happened to its records."""
    return {
        "settings": _plain(asdict(collector.spec)),
        "clocks_ms": {host: off / 1000 for host, off in sorted(collector.clocks.off.items())},
        "records": {
            kind: {
                "made": collector.made[kind],
                "recorded": collector.recorded[kind],
                "fates": dict(sorted(collector.fates[kind].items())),
            }
            for kind in RECORD_KINDS
        },
    }


class Clock:
    """Writes simulated seconds as ISO 8601 in UTC, like records. `start` is the wall time of second 0."""

    def __init__(self, start: datetime) -> None:
        self._start = start.astimezone(UTC)

    def __call__(self, seconds: float) -> str:
        """A moment."""
        micros = int(microseconds(np.array([seconds]))[0])
        return (self._start + timedelta(microseconds=micros)).isoformat(timespec="microseconds")

    def maybe(self, seconds: float | None) -> str | None:
        """A moment, or None if there is none."""
        return None if seconds is None else self(seconds)


def since(finding: Finding) -> float:
    """When a fault could first be seen, in simulated seconds: its start, if nothing was ever seen."""
    seen = [float(departure.onset + 1) for departure in _own(finding).values()]
    return min([*seen, *([] if finding.since is None else [finding.since])], default=finding.start)


def _own(finding: Finding) -> dict[Series, Departure]:
    """The departures of its root and of the services that the fault affected."""
    concerned = {*finding.mechanism.passed(), *_roots(finding)}
    return {series: departure for series, departure in finding.departures.items() if series.service in concerned}


def _roots(finding: Finding) -> tuple[str, ...]:
    return finding.fault.roots(finding.fact.simulation.topology)


class _Telling:
    """Describes one fault; `affected` are the services that it reached."""

    def __init__(self, finding: Finding, twins: Twins, clock: Clock, symptoms: Symptoms) -> None:
        self._finding = finding
        self._twins = twins
        self._clock = clock
        self._symptoms = symptoms
        self._topology: Topology = twins.simulation.topology
        #: Each entry operation, with its service.
        self._entries = {name_of(entry): entry.service for entry in self._topology.workload.mix}
        self._roots = _roots(finding)
        #: Loudness of the loudest root; 1 if no root has a span.
        self._loudness = max((loud for service, loud in symptoms if service in self._roots), default=1.0)
        self.affected = list(self._affect())

    def content(self, reached: AbstractSet[str]) -> dict[str, Any]:
        """The whole entry of the fault; `reached` are the services that any fault reached."""
        louder = self._louder(reached)
        finding, fault, clock = self._finding, self._finding.fault, self._clock
        seen, window = since(finding), finding.window
        broken: list[bool] = np.asarray(finding.broken[:, 1:].any(axis=0)).tolist()
        return {
            "id": fault.id,
            "kind": fault.kind,
            "level": fault.target.level,
            "target": _target(fault.target),
            **({"targets": [_target(each) for each in fault.targets]} if fault.targets else {}),
            "root_cause": {
                "service": self._roots[0],
                "indicator": fault.indicator,
                "aliases": {"services": list(self._roots[1:]), "indicators": list(fault.aliases)},
            },
            "parameters": parameters(fault),
            "event": _event(self._twins, fault.id, clock),
            "start": clock(window.start),
            "ramp_end": clock(window.full),
            "end": clock(window.end),
            "recovered": clock.maybe(finding.recovered),
            "visible_onset": clock.maybe(seen if _own(finding) or not finding.latent else None),
            "latent": finding.latent,
            "user_facing": {
                "moved": not finding.latent,
                "since": clock.maybe(finding.since),
                "entries": [name for name, is_broken in zip(self._entries, broken, strict=True) if is_broken],
            },
            "mechanism": [self._step(step) for step in finding.steps()],
            "affected": self.affected,
            "blast_radius": self._blast(),
            "interactions": [
                {"with": other.id, "needed_both": both, "either_enough": either}
                for other, both, either in finding.interactions()
            ],
            "alerts": list(self._alerts()),
            "moved": list(self._moved()),
            "red_herrings": [*self._events(seen), *self._loud(louder)],
            "difficulty": self._difficulty(louder, reached),
        }

    # -- how it spread ------------------------------------------------------------------------------------------------

    def _step(self, step: Step) -> dict[str, Any]:
        told: dict[str, Any] = {
            "from": step.origin,
            "to": step.reached,
            "mechanism": step.mechanism,
            "onset": self._clock(step.onset),
            "requests": step.requests,
            "evidence": [
                dict(zip(("trace_id", "span_id"), self._twins.fact.span(number, half), strict=True))
                for _, number, half in step.evidence
            ],
        }
        if step.mechanism in AMPLIFYING:
            told["factor"] = round(self._finding.amplification(step.origin, step.reached), 3)
        return told

    def _affect(self) -> Iterator[dict[str, Any]]:
        """The services that it affected, in order of onset.

        These are the services where harmed requests got stuck, those with a symptom that departed, and those that it
        came from: a root that no longer takes calls has no symptoms, and no request gets into it.
        """
        passed = self._finding.mechanism.passed()
        departed = self._rises
        came: dict[str, float] = {}
        for step in self._finding.mechanism.steps():
            came.setdefault(step.origin, step.onset)
        onsets = {}
        for service in self._topology.services:
            name = service.name
            seen = [each.onset + 1.0 for each in departed[name].values()]
            seen += [self._finding.mechanism.onset(name)] if name in passed else []
            seen += [came[name]] if name in came and (name in passed or name in self._roots) else []
            if seen:
                onsets[name] = min(seen)
        for name in sorted(onsets, key=lambda name: (onsets[name], name not in self._roots)):
            yield {
                "service": name,
                "onset": self._clock(onsets[name]),
                "peak": {
                    metric: {
                        "at": self._clock(each.peak + 1.0),
                        "value": round(each.value, 3),
                        "twin": round(each.usual, 3),
                        **self._recorded(metric, name),
                    }
                    for metric, each in departed[name].items()
                },
                "requests": passed.get(name, 0),
            }

    @cached_property
    def _rises(self) -> dict[str, dict[str, Departure]]:
        """The symptoms of whole services that rose, by service and metric."""
        found: dict[str, dict[str, Departure]] = {service.name: {} for service in self._topology.services}
        for series, departure in self._finding.departures.items():
            whole = series.replica is None and series.target is None
            if METRICS[series.metric].is_symptom and whole and departure.direction is Alert.RISE:
                found[series.service][series.metric] = departure
        return found

    def _blast(self) -> dict[str, Any]:
        came, harmed = self._finding.blast()
        return {
            "requests": int(harmed.sum()),
            "share": _share(harmed.sum(), came.sum()),
            "entries": [
                {"entry": name, "requests": int(count), "harmed": int(bad), "share": _share(bad, count)}
                for name, count, bad in zip(self._entries, came, harmed, strict=True)
            ],
        }

    # -- what to see, and what not to fall for ------------------------------------------------------------------------

    def _alerts(self) -> Iterator[dict[str, Any]]:
        """The alerts that should fire, on what users feel and on what the root shows, each when it first could."""
        found: list[tuple[float, str, str, str, str | None, str | None]] = []
        broken = self._finding.broken
        for column, (name, service) in enumerate(self._entries.items(), start=1):
            if broken[:, column].any():
                time = float(np.flatnonzero(broken[:, column])[0] + 1)
                found.append((time, "symptom", service, self._finding.indicator(column), name, None))
        for series, departure in self._finding.departures.items():
            near = series.service in self._roots or series.target in self._roots
            if near and series.replica is None and departure.direction in METRICS[series.metric].alert:
                found.append((departure.onset + 1.0, "cause", series.service, series.metric, None, series.target))
        told = set()
        for time, kind, service, indicator, entry, target in sorted(found, key=lambda each: each[:4]):
            # If several percentiles of a signal move, the first one gives the alert.
            if (what := (kind, service, signal(indicator), entry, target)) in told:
                continue
            told.add(what)
            yield {
                "type": kind,
                "service": service,
                "indicator": indicator,
                "entry": entry,
                "target": target,
                "earliest": self._clock(time),
                **self._recorded(indicator, service, target),
            }

    def _moved(self) -> Iterator[dict[str, Any]]:
        """Everything that the fault moved, by onset: an alert on it may be of little use, but is not a false alarm.

        A replica's series count as their service's, whose alerts often look at the worst replica.
        """
        found: dict[tuple[str, str, str | None], tuple[int, int]] = {}
        for series, departure in self._finding.departures.items():
            what = series.service, series.metric, series.target
            onset, last = found.get(what, (departure.onset, departure.last))
            found[what] = min(onset, departure.onset), max(last, departure.last)
        for (service, metric, target), (onset, last) in sorted(
            found.items(), key=lambda item: (item[1], item[0][0], item[0][1], item[0][2] or "")
        ):
            yield {
                "service": service,
                "metric": metric,
                "target": target,
                "onset": self._clock(onset + 1.0),
                "until": self._clock(last + 1.0),
                **self._recorded(metric, service, target),
            }

    def _recorded(self, metric: str, service: str, target: str | None = None) -> dict[str, str | None]:
        """The recorded name of a metric, null if it is not recorded; nothing if no file changes metrics."""
        table = self._twins.simulation.metrics
        return {"recorded": table.recorded_as(metric, service, target)} if table.changed else {}

    def _events(self, seen: float) -> Iterator[dict[str, Any]]:
        """Other happenings near the onset."""
        reason = self._without_faults()
        for each in besides(self._twins):
            if self._finding.start - _NEAR <= each.start <= max(seen, self._finding.window.end):
                event = _event(self._twins, each.id, self._clock)
                yield {
                    "kind": "event" if event else "background",
                    "service": each.target.service or next(iter(self._entries.values())),
                    "what": event["type"] if event else each.kind,
                    "at": event["timestamp"] if event else self._clock(each.start),
                    "ruled_out_by": reason,
                }

    def _without_faults(self) -> str:
        """What the twin says about other happenings: harmless or not, they did not cause what the fault did."""
        bad = self._twins.background + self._twins.spared
        if self._finding.harmed:
            met, more = "where no request that this fault harmed is bad", counted(bad, "other")
        else:
            met, more = "and this fault harmed nobody", counted(bad, "request")
        besides = f"; {more} {'is' if bad == 1 else 'are'} bad there, and this may be why" if bad else ""
        return f"The same happens in the run without faults, {met}{besides}."

    def _loud(self, louder: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Services that are louder than the root, but not a cause."""
        affected = {each["service"]: each for each in self.affected}
        for service in louder:
            if service not in affected:
                continue
            yield {
                "kind": "service",
                "service": service,
                "what": " and ".join(affected[service]["peak"]) or "errors",
                "at": affected[service]["onset"],
                "ruled_out_by": self._held_up(service),
            }

    def _held_up(self, service: str) -> str:
        """Where the harmed requests that passed a service got stuck."""
        passed = self._finding.mechanism.passed().get(service, 0)
        if not passed:
            return f"Fewer than {RARE:.0%} of the harmed requests got stuck in it or behind it."
        beyond = self._finding.mechanism.beyond(service)
        behind, told = sum(beyond.values()), []
        if behind:
            most = max(beyond, key=lambda callee: beyond[callee])
            where = f"at {most}" if len(beyond) == 1 else f"most often at {most} ({beyond[most]})"
            told.append(f"{counted(behind, 'harmed request')} got stuck behind it, {where}.")
        if passed > behind:
            within = counted(passed - behind, "harmed request")
            told.append(f"{within} got stuck in it, and would not have without the fault.")
        return " ".join(told)

    def _louder(self, reached: AbstractSet[str]) -> list[str]:
        """The services that are louder than any root, among those that a fault reached.

        Loudness is measured in the recording alone, where a service with few requests may become three times as loud by
        chance. The twin rules such services out: one that no fault reached is as loud without the faults.
        """
        return [service for service, loudness in self._symptoms if loudness > self._loudness and service in reached]

    def _difficulty(self, louder: Sequence[str], reached: AbstractSet[str]) -> dict[str, Any]:
        heard = self._loudness > 1 and not louder and not reached.isdisjoint(self._roots)
        visible = heard or any(self._rises[root] for root in self._roots) or (not louder and self._fell())
        label = DIFFICULTIES[2] if not visible else DIFFICULTIES[1] if louder else DIFFICULTIES[0]
        return {"label": label, "rank": len(louder) + 1, "louder": list(louder)}

    def _fell(self) -> bool:
        """Whether a root as a whole shows a fall that alerts look for, such as of its requests."""
        whole = [
            (METRICS[series.metric], departure.direction)
            for series, departure in self._finding.departures.items()
            if series.service in self._roots and series.replica is None and series.target is None
        ]
        return any(direction is Alert.FALL and direction in metric.alert for metric, direction in whole)


@dataclass(frozen=True)
class Besides:
    """Something else that happened and is not a fault; `start` and `end` are simulated seconds."""

    id: str
    kind: str
    target: Target
    start: float
    end: float


def besides(twins: Twins) -> list[Besides]:
    """The scenario's harmless happenings, then whatever the mesh did by itself that left events."""
    simulation = twins.simulation
    scenario = simulation.scenario
    told = [
        Besides(each.id, each.kind, each.target, scenario.window(each).start, simulation.under_way(each).end)
        for each in scenario.background
    ]
    for each in simulation.mesh.journal.happened:
        if each.start < scenario.length:
            end = scenario.length if each.end is None else min(each.end, scenario.length)
            told.append(Besides(each.id, each.kind, each.target, each.start, end))
    return told


def _event(twins: Twins, name: str, clock: Clock) -> dict[str, Any] | None:
    """The first event that a cause left in the recording, by its id; None if it left none, like a surge."""
    event = twins.simulation.mesh.journal.first.get(name)
    return None if event is None else {"type": event.type, "service": event.service, "timestamp": clock(event.time)}


def _target(target: Target) -> dict[str, Any]:
    edge = target.level == "edge"
    ends = ((target.callee, target.callee_replica), (target.service, target.replica))
    replica = next((f"{name}-{index}" for name, index in ends if index is not None), None)
    return {
        "service": None if edge else target.service or None,
        "replica": replica,
        "operation": target.operation,
        "edge": {"caller": target.service, "callee": target.callee} if edge else None,
    }


def parameters(cause: Cause) -> dict[str, Any]:
    """The settings of a fault or an action in a scenario file, as plain numbers and words.

    Durations are in seconds, shares from 0 to 1. A portion is a number, or a text such as `25%`. Settings that are off
    by default are left out unless a file sets them.
    """
    keys = {word: key for word, key in keys_of(type(cause)).items() if word not in _COMMON}
    values = {word: getattr(cause, key.field) for word, key in keys.items()}
    return {
        word: _plain(value) for word, value in values.items() if value is not None or keys[word].default is not None
    }


def _plain(value: Any) -> Any:
    """A value in plain types; what has a word in files becomes that word."""
    if isinstance(value, Change):
        return value.texts()
    if isinstance(value, Portion):
        return value.count if value.count is not None else portion(value)
    if isinstance(value, Mixture):
        return {value.word: [{"weight": w, **_plain(part)} for w, part in zip(value.weights, value.parts, strict=True)]}
    if isinstance(value, Distribution | Shape):
        assert is_dataclass(value)
        return {value.word: asdict(value)}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if is_dataclass(value):
        return {word: _plain(getattr(value, key.field)) for word, key in keys_of(type(value)).items()}
    return value


def _share(part: float, whole: float) -> float:
    return round(float(part / whole), 6) if whole else 0.0
