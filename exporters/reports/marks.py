"""Marks as text and as JSON: of one answer, and of the answers to many cases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from meshquake.exporters.blocks import Block, Facts, Table
from meshquake.topology.units import counted, duration
from meshquake.truth.overlap import Overlap
from meshquake.truth.score import Accuracy, Detection, Mark

#: The marks of a data set by case; None for a case without an answer.
Marks = Mapping[str, Mark | None]


# -- one mark ------------------------------------------------------------------------------------------------------


def blocks(mark: Mark) -> list[Block]:
    """Show a mark to people, without the parts that were not answered."""
    parts = [part for part in (_accuracy(mark), _overlap(mark), _answered(mark)) if part]
    return [block for part in parts for block in ("", *part)][1:]


def _accuracy(mark: Mark) -> list[Block]:
    if mark.accuracy is None:
        return []
    rankings = {"answer": mark.accuracy, **mark.floors}
    rows = [(name, *map(_number, accuracy.as_json().values())) for name, accuracy in rankings.items()]
    easy = [f'easy: the floor "{name}" already ranks a root cause first' for name in mark.easy]
    return [Table(("", *mark.accuracy.as_json()), rows), *easy]


def _overlap(mark: Mark) -> list[Block]:
    rows = [
        (name, *map(_number, (each.precision, each.recall, each.f1)), *map(str, (each.right, each.named, each.true)))
        for name, each in _overlaps(mark).items()
        if each is not None and each.f1 is not None
    ]
    return [Table(("", "precision", "recall", "F1", "right", "named", "true"), rows)] if rows else []


def _overlaps(mark: Mark) -> dict[str, Overlap | None]:
    return {"affected": mark.affected_services, "edges": mark.propagation, "harmed": mark.harmed}


def _answered(mark: Mark) -> list[Block]:
    facts = list(_facts(mark))
    return [Facts(facts)] if facts else []


def _facts(mark: Mark) -> Iterator[tuple[str, str]]:
    if mark.left_alone is not None:
        said = "and none was reported: right" if mark.left_alone else "and one was reported: a false alarm"
        yield "incident", f"there was none that users felt, {said}"
    for detail, share in mark.details.items():
        if share is not None:
            words = {0.0: "wrong", 1.0: "right"}
            yield detail, words.get(share, f"right for {share:.0%} of the root causes found")
    if mark.detection is not None:
        yield "detected", _detected(mark.detection)
    if mark.alerts is not None:
        alerts = mark.alerts
        false = counted(alerts.false_alarms, "false alarm")
        yield "alerts", f"{alerts.matched} matched, {alerts.missed} missed, {false}"
    for service in mark.latent:
        judged = ": neither right nor wrong" if mark.incident else ""
        yield "latent", f"{service} has a fault, but one that no user felt{judged}"


def _detected(detection: Detection) -> str:
    objective, start = _away(detection.after_objective), _away(detection.after_start)
    blind = ", before there was anything to see" if detection.after_visible < 0 else ""
    return f"{objective} the users' objective broke, {start} the first fault began{blind}"


def _away(seconds: float) -> str:
    return f"{duration(round(abs(seconds), 3))} {'before' if seconds < 0 else 'after'}"


# -- many marks ----------------------------------------------------------------------------------------------------


def dataset_blocks(marks: Marks) -> list[Block]:
    """Show the marks of many cases to people: one row per case, then the means, and those of the floors."""
    averages = {"mean": _means(marks), **_floor_means(marks)}
    columns = [name for name, value in averages["mean"].items() if value is not None]
    rows = []
    for case, mark in marks.items():
        figures = {} if mark is None else _figures(mark)
        easy = "-" if mark is None or not mark.floors else "yes" if mark.easy else "no"
        rows.append([case, *(_number(figures.get(name)) for name in columns), easy])
    rows += [[name, *(_number(means.get(column)) for column in columns), ""] for name, means in averages.items()]
    answered = sum(mark is not None for mark in marks.values())
    return [Table(("case", *columns, "easy"), rows), "", f"{answered} of {counted(len(marks), 'case')} answered"]


def dataset_json(marks: Marks) -> dict[str, Any]:
    """Return the marks of many cases as a JSON object."""
    return {
        "cases": {case: None if mark is None else mark.as_json() for case, mark in marks.items()},
        "means": _means(marks),
        "floors": _floor_means(marks),
    }


def _figures(mark: Mark) -> dict[str, float | None]:
    """Return the figures of a mark that can be averaged."""
    return {
        **(dict.fromkeys(Accuracy.NAMES) if mark.accuracy is None else mark.accuracy.as_json()),
        "detected_s": mark.detection.after_objective if mark.detection else None,
        **mark.details,
        **{name: each.f1 if each else None for name, each in _overlaps(mark).items()},
        "false_alarms": mark.alerts.false_alarms if mark.alerts else None,
        "left_alone": mark.left_alone,
    }


def _means(marks: Marks) -> dict[str, float | None]:
    """Average each figure over the marks that have it."""
    return _mean([_figures(mark) for mark in marks.values() if mark is not None])


def _floor_means(marks: Marks) -> dict[str, dict[str, float | None]]:
    """Average the marks of each floor over the same cases."""
    floors = [mark.floors for mark in marks.values() if mark is not None]
    names = dict.fromkeys(name for each in floors for name in each)
    return {name: _mean([each[name].as_json() for each in floors if each]) for name in names}


def _mean(rows: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    """The mean of each figure over the rows that have it; None if none has."""
    columns = dict.fromkeys(name for row in rows for name in row)
    values = {name: [value for row in rows if (value := row[name]) is not None] for name in columns}
    return {name: fmean(each) if each else None for name, each in values.items()}


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
