"""The mark of an answer: how far a diagnosis agrees with the answer key of its fixture.

The mark does not reveal the right answer, so another attempt is possible. A figure for something that was not
answered, or that cannot be compared with anything, is None and never 0.

A fault that moved no user-facing indicator is latent: nobody had to find it, and nobody is wrong to have seen it. So
whatever only a latent fault explains counts neither for nor against an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, astuple, dataclass
from datetime import datetime
from statistics import fmean
from typing import Any, ClassVar, NamedTuple, TypeVar

from meshquake.sim.telemetry.metrics import signal
from meshquake.truth.floors import Floors, chance
from meshquake.truth.overlap import Overlap
from meshquake.truth.reach import affected, edges, faults_of
from meshquake.truth.roots import DETAILS, Root, found_by, meant, roots_of

T = TypeVar("T")

#: How many ranks of an answer count.
DEPTH = 5
#: Effects of a fault on a request that harm its user.
HARM = ("failed", "slowed")


@dataclass(frozen=True)
class Accuracy:
    """How well a ranking finds the roots.

    AC@k is the share of the roots found among the first k of a ranking, or the share of k if there are more roots;
    Avg@5 is the mean of AC@1 to AC@5.

    References
    ----------
    L. Pham et al.: RCAEval: A Benchmark for Root Cause Analysis of Microservice Systems with Telemetry Data, WWW 2025.
    """

    #: The names of the figures in the literature.
    NAMES: ClassVar = ("AC@1", "AC@3", "AC@5", "Avg@5")

    at_1: float
    at_3: float
    at_5: float
    average: float

    @classmethod
    def of(cls, at: Sequence[float]) -> Accuracy:
        """From AC@1 to AC@5."""
        return cls(at[0], at[2], at[4], fmean(at))

    def as_json(self) -> dict[str, float]:
        """As a JSON object."""
        return dict(zip(self.NAMES, astuple(self), strict=True))


@dataclass(frozen=True)
class Detection:
    """How long it took to detect the incident, in seconds; negative if detection came earlier.

    Attributes
    ----------
    after_start, after_visible, after_objective
        Since the first fault began, since anything in the telemetry first departed, and since the promise to users was
        broken.
    """

    after_start: float
    after_visible: float
    after_objective: float

    def as_json(self) -> dict[str, float]:
        """As a JSON object, with units in its names."""
        return {f"{name}_s": seconds for name, seconds in asdict(self).items()}


@dataclass(frozen=True)
class Alerts:
    """How many of the alerts that should fire did and did not, and how many alerts should not have fired.

    All alerts on what a root shows count as one: any of them will do.
    """

    matched: int
    missed: int
    false_alarms: int


@dataclass(frozen=True)
class Mark:
    """The mark of an answer.

    Attributes
    ----------
    incident
        Whether users felt that anything was wrong.
    roots
        Number of root causes.
    accuracy
        How well the answer found them; None if there were none.
    floors
        How well the floors, which take no thought, do; by name.
    latent
        Services that it named and that had only a latent fault.
    details
        By `DETAILS`: among the roots found for which the answer gives a word and a right word exists, the share whose
        word is right.
    detection
        How long it took to detect.
    affected_services, propagation, harmed
        How far the services, the edges and the traces of harmed requests agree with the key.
    alerts
        The result for its alerts.
    left_alone
        If there was no incident: whether the answer said so, by naming nothing (not even the place of a latent fault),
        detecting nothing and raising no alert.
    """

    incident: bool
    roots: int
    accuracy: Accuracy | None
    floors: dict[str, Accuracy]
    latent: tuple[str, ...]
    details: dict[str, float | None]
    detection: Detection | None
    affected_services: Overlap | None
    propagation: Overlap | None
    harmed: Overlap | None
    alerts: Alerts | None
    left_alone: bool | None

    @property
    def easy(self) -> tuple[str, ...]:
        """The floors whose first guess is a root: where there are any, naming a root is no achievement."""
        # Chance is an expectation; it is 1 only if there is no choice.
        return tuple(name for name, floor in self.floors.items() if floor.at_1 == 1.0)

    def as_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "incident": self.incident,
            "roots": self.roots,
            "accuracy": _json(self.accuracy),
            "floors": {name: floor.as_json() for name, floor in self.floors.items()},
            "easy": list(self.easy),
            "latent": list(self.latent),
            "details": self.details,
            "detection": _json(self.detection),
            "affected_services": _json(self.affected_services),
            "propagation": _json(self.propagation),
            "harmed": _json(self.harmed),
            "alerts": None if self.alerts is None else asdict(self.alerts),
            "left_alone": self.left_alone,
        }


def _json(part: Accuracy | Overlap | Detection | None) -> dict[str, Any] | None:
    return None if part is None else {**part.as_json()}


def mark(
    truth: Mapping[str, Any], effects: Mapping[str, str | None], answers: Mapping[str, Any], floors: Floors | None
) -> Mark:
    """Mark an answer.

    Parameters
    ----------
    truth
        The answer key, the content of `ground_truth.json`.
    effects
        The `effect` of the faults on the requests that the answer names, by trace id, from the verdicts.
    answers
        The answer, the content of `answers.json`, already checked (`exporters.fixtures.answers`).
    floors
        The rankings of the floors for the same fixture; None to omit them.
    """
    felt, latent = faults_of(truth, latent=False), faults_of(truth, latent=True)
    roots = roots_of(felt)
    ignored = {name for root in roots_of(latent) for name in root.services}
    entries: dict[str, Mapping[str, Any]] = {}
    for entry in answers["root_causes"]:
        entries.setdefault(entry["service"], entry)
    found = found_by(entries, roots, ignored)
    quiet = not answers["root_causes"] and answers.get("detected_at") is None and not answers.get("alerts")
    return Mark(
        incident=truth["incident"],
        roots=len(roots),
        accuracy=_accuracy(found, roots),
        floors=_floors(floors, roots, ignored, truth["services"]) if floors else {},
        latent=tuple(name for name in entries if name in ignored and name not in found),
        details={detail: _detail(detail, entries, found, truth) for detail in DETAILS},
        detection=_if_answered(answers.get("detected_at") if felt else None, lambda at: _detection(felt, at)),
        affected_services=_if_answered(
            answers.get("affected_services"), lambda named: Overlap.of(named, affected(felt), affected(latent))
        ),
        propagation=_if_answered(
            answers.get("propagation"),
            lambda named: Overlap.of([(edge["from"], edge["to"]) for edge in named], edges(felt), edges(latent)),
        ),
        harmed=_if_answered(answers.get("verdicts"), lambda verdicts: _harmed(truth, effects, verdicts)),
        alerts=_if_answered(answers.get("alerts"), lambda fired: _alerts(truth, fired)),
        left_alone=None if truth["incident"] else quiet,
    )


def since(truth: Mapping[str, Any]) -> str | None:
    """When users began to feel the incident, in the format of records; None if they never did."""
    return min((fault["user_facing"]["since"] for fault in faults_of(truth, latent=False)), default=None)


def _if_answered(part: Any, judge: Callable[[Any], T]) -> T | None:
    """The result for a part of the answer; None if the part was left out."""
    return None if part is None else judge(part)


# -- root causes ---------------------------------------------------------------------------------------------------


def _accuracy(found: Mapping[str, Root | None], roots: Sequence[Root]) -> Accuracy | None:
    if not roots:
        return None
    hits = [root is not None for root in found.values()]
    return Accuracy.of([sum(hits[:k]) / min(k, len(roots)) for k in range(1, DEPTH + 1)])


def _floors(
    floors: Floors, roots: Sequence[Root], ignored: AbstractSet[str], services: Sequence[str]
) -> dict[str, Accuracy]:
    """The accuracy of each floor, by name; empty if there is nothing to find."""
    if not roots:
        return {}
    rankings = {"most central": floors.central, "worst symptom first": floors.worst_symptom}
    marked = {name: _accuracy(found_by(ranking, roots, ignored), roots) for name, ranking in rankings.items()}
    accepted = {name for root in roots for name in root.services}
    choice = ({*services} - ignored) | accepted
    meanings = [[roots.index(root) for root in meant(name, roots)] for name in sorted(accepted)]
    expected = Accuracy.of(chance(meanings, len(choice), DEPTH))
    return {"chance": expected} | {name: accuracy for name, accuracy in marked.items() if accuracy is not None}


def _signals(truth: Mapping[str, Any], word: str) -> set[str]:
    """What a word in an answer refers to: a metric may have another name in the recording, or be made of several."""
    return {signal(metric) for metric in truth.get("metrics", {}).get(word, [word])}


def _detail(
    detail: str,
    entries: Mapping[str, Mapping[str, Any]],
    found: Mapping[str, Root | None],
    truth: Mapping[str, Any],
) -> float | None:
    """The share of right words among the roots found for which the answer gives one."""
    right = []
    for service, root in found.items():
        word = entries[service].get(detail)
        if root is not None and root.words[detail] and word is not None:
            meant = _signals(truth, word) if detail == "indicator" else {word}
            right.append(not meant.isdisjoint(root.words[detail]))
    return fmean(right) if right else None


# -- when, where and whom ------------------------------------------------------------------------------------------


def _detection(felt: Sequence[Mapping[str, Any]], detected_at: str) -> Detection:
    first = (
        min(fault["start"] for fault in felt),
        min(fault["visible_onset"] for fault in felt),
        min(fault["user_facing"]["since"] for fault in felt),
    )
    return Detection(*((_moment(detected_at) - _moment(moment)).total_seconds() for moment in first))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _harmed(
    truth: Mapping[str, Any], effects: Mapping[str, str | None], verdicts: Iterable[Mapping[str, Any]]
) -> Overlap:
    named = {verdict["trace_id"] for verdict in verdicts if verdict["harmed"]}
    return Overlap(sum(effects[trace] in HARM for trace in named), len(named), truth["requests"]["harmed"])


# -- alerts --------------------------------------------------------------------------------------------------------


def _alerts(truth: Mapping[str, Any], fired: Iterable[Mapping[str, Any]]) -> Alerts:
    """Alerts are right while their reason lasts; those explained only by latent faults or movement are optional."""
    felt, latent = faults_of(truth, latent=False), faults_of(truth, latent=True)
    due = [each for fault in felt for each in _due(truth, fault)]
    neutral = [each for fault in latent for each in _due(truth, fault)]
    neutral += [each for fault in truth["faults"] for each in _moved(truth, fault)]
    met: set[tuple[str, ...]] = set()
    false_alarms = 0
    for alert in fired:
        about = alert["service"], _signals(truth, alert["indicator"]), _moment(alert["at"])
        right = {each.what for each in due if each.explains(*about)}
        met |= right
        if not right and not any(each.explains(*about) for each in neutral):
            false_alarms += 1
    wanted = {each.what for each in due}
    return Alerts(len(met), len(wanted - met), false_alarms)


class _Explained(NamedTuple):
    """An alert that a fault explains, and for how long; `what` is the same for equivalent alerts."""

    what: tuple[str, ...]
    service: str
    signal: str
    earliest: datetime
    latest: datetime

    def explains(self, service: str, about: AbstractSet[str], at: datetime) -> bool:
        """Whether a fired alert is this one."""
        return service == self.service and self.signal in about and self.earliest <= at <= self.latest


def _due(truth: Mapping[str, Any], fault: Mapping[str, Any]) -> Iterator[_Explained]:
    """The alerts that should fire: every one on what users feel, and any one on what a root shows.

    A root goes on showing its symptoms while its fault acts, even if users recover earlier: a breaker may protect them.
    """
    well = _latest(truth, fault)
    for alert in fault["alerts"]:
        about = alert["service"], signal(alert["indicator"])
        earliest = _moment(alert["earliest"])
        if alert["type"] == "symptom":
            yield _Explained(about, *about, earliest, well)
        else:
            yield _Explained((fault["root_cause"]["service"],), *about, earliest, max(well, _moment(fault["end"])))


def _moved(truth: Mapping[str, Any], fault: Mapping[str, Any]) -> Iterator[_Explained]:
    """The alerts that may fire on anything else that the fault moved, while it did or until users recovered."""
    for each in fault["moved"]:
        about = each["service"], signal(each["metric"])
        latest = max(_moment(each["until"]), _latest(truth, fault))
        yield _Explained(about, *about, _moment(each["onset"]), latest)


def _latest(truth: Mapping[str, Any], fault: Mapping[str, Any]) -> datetime:
    """Until when alerts on a fault are right: until users have recovered."""
    return _moment(fault["recovered"] or truth["recording"]["end"])
