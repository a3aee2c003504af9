"""The report on an ensemble for people: what changed, by how much, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, isfinite

from meshquake.ensembles.analysis import Analysis, Compared
from meshquake.ensembles.comparisons import Difference
from meshquake.ensembles.intervals import CONFIDENCE, Interval
from meshquake.ensembles.study import MSER
from meshquake.exporters.blocks import Block, Table
from meshquake.topology.units import counted, ratio

#: Most rows of a table in the report; the tables in files have all.
_MOST = 40
_SURE = f"{CONFIDENCE:.0%}"


def blocks(analysis: Analysis, complete: bool) -> list[Block]:
    """Return the report."""
    return [
        *_head(analysis, complete),
        *_cells(analysis),
        *_differences(analysis),
        *_effects(analysis),
        "",
        *_notes(analysis),
    ]


def _head(analysis: Analysis, complete: bool) -> Iterator[Block]:
    study = analysis.study
    cells = counted(len(study.cells), "cell")
    each = {len(analysis.runs_of(cell)) for cell in range(len(study.cells))}
    runs = counted(min(each), "run") if len(each) == 1 else f"{min(each)} to {max(each)} runs"
    state = "" if complete else " (incomplete: continue with --resume)"
    yield f"{study.name}: {cells}, {runs} each, seed {study.seed}{state}"
    if study.summary:
        yield study.summary


def _cells(analysis: Analysis) -> Iterator[Block]:
    study = analysis.study
    for number, response in enumerate(study.responses):
        letters = analysis.letters(number)
        rows = []
        for cell, row in enumerate(analysis.estimates[:_MOST]):
            each = row[number]
            low, _, high = each.quantiles
            rows.append(
                (
                    study.cells[cell].label,
                    f"{each.known}" if each.known == each.runs else f"{each.known} of {each.runs}",
                    _number(each.interval.estimate),
                    _interval(each.interval),
                    _number(each.spread),
                    f"{_number(low)} .. {_number(high)}" if each.known > 1 else "-",
                    letters[cell],
                )
            )
        title = response.label if response.label == response.text else f"{response.label}: {response.text}"
        yield ""
        yield title
        columns = (
            study.axes[0].name if len(study.axes) == 1 else "",
            "runs",
            "mean",
            f"{_SURE} interval",
            "sd of runs",
            "8 in 10 runs",
            "group",
        )
        grouped = any(letters)
        yield Table(
            columns if grouped else columns[:-1],
            [row if grouped else row[:-1] for row in rows],
            "<>>>>><",
        )
        if len(analysis.estimates) > _MOST:
            yield f"and {len(analysis.estimates) - _MOST:,} more cells, in the tables of --report"


def _differences(analysis: Analysis) -> Iterator[Block]:
    """The table of comparisons, significant ones first."""
    if not analysis.compared:
        return
    ordered = sorted(analysis.compared, key=lambda each: (not each.difference.differs, each.response))
    yield ""
    yield "What changed, by how much, and how certain it is"
    yield Table(
        ("response", "from", "to", "difference", "interval (Holm)", "verdict", "p (Holm)", "gain from pairing"),
        [_difference(analysis, each) for each in ordered[:_MOST]],
        "<<<>><>>",
    )
    if len(ordered) > _MOST:
        yield f"and {len(ordered) - _MOST:,} more comparisons, in the tables of --report"


def _difference(analysis: Analysis, each: Compared) -> tuple[str, ...]:
    study, found = analysis.study, each.difference
    return (
        study.labels[each.response],
        study.cells[each.first].label,
        study.cells[each.other].label,
        f"{_signed(found.mean)}{_relative(analysis, each)}",
        f"{_signed(found.low)} .. {_signed(found.high)}" if isfinite(found.low) else "-",
        _verdict(found),
        _p(found.adjusted),
        _worth(found),
    )


def _verdict(found: Difference) -> str:
    if not isfinite(found.p):
        return "unknown"
    if found.same:
        return "the same in every run"
    return "differs" if found.differs else "not distinguishable"


def _relative(analysis: Analysis, each: Compared) -> str:
    """Format a difference as a share of the first cell's mean."""
    start = analysis.estimates[each.first][each.response].interval.estimate
    share = each.difference.mean / start if start else inf
    return f" ({_signed(share * 100)}%)" if isfinite(share) and each.difference.mean else ""


def _worth(found: Difference) -> str:
    """Format how many times as many runs the comparison would need without common seeds."""
    if found.reduction == inf:
        return "any number"
    return f"{found.reduction:.3g}x" if isfinite(found.reduction) else "-"


def _effects(analysis: Analysis) -> Iterator[Block]:
    if not analysis.effects:
        return
    study = analysis.study
    ordered = sorted(analysis.effects, key=lambda each: (not each.moves, each.response, each.axis))
    yield ""
    yield "How responses vary with parameters"
    yield Table(
        ("response", "parameter", "rank correlation", "verdict", "p (Holm)"),
        [
            (
                study.labels[each.response],
                study.axes[each.axis].name,
                _signed(each.correlation),
                "unknown" if not isfinite(each.correlation) else "has an effect" if each.moves else "may be chance",
                _p(each.adjusted),
            )
            for each in ordered[:_MOST]
        ],
        "<<><>",
    )


def _notes(analysis: Analysis) -> Iterator[Block]:
    """Notes on how to read the report."""
    study = analysis.study
    methods = {each.interval.method for row in analysis.estimates for each in row}
    means = {
        "t": "Student's t over runs",
        "bootstrap": "for percentiles, a bootstrap over runs (BCa)",
        "exact": "for shares of runs, exact binomial",
        "batches": "for one long run, batches of it",
    }
    named = [text for method, text in means.items() if method in methods]
    if named:
        yield f"Each interval by itself covers the mean in {_SURE} of such studies: {'; '.join(named)}."
    if study.long:
        yield from _without(analysis)
        if len(study.cells) > 1 and study.sample is None:
            yield "Cells with one run each are not compared: that takes at least two replications."
    if analysis.compared:
        count = len(analysis.compared)
        yield (
            f"Differences are between runs with the same seeds, corrected for {counted(count, 'comparison')} (Holm): "
            f"if nothing differed, at most {ratio(1 - CONFIDENCE, 3)} of such studies would report any difference. "
            "Cells that are not distinguishable may still differ, by as much as the interval says."
        )
        if any(analysis.letters(response) != [""] * len(study.cells) for response in range(len(study.responses))):
            yield "Cells in a group share a letter; cells with no letter in common differ."
    if any(each.known < each.runs for row in analysis.estimates for each in row):
        yield "Where fewer runs are counted, the other runs have no such value; the mean is over the runs that do."
    yield from _precision(analysis)
    if study.warm_up == MSER:
        short = sum(not run.settled for run in analysis.runs)
        worst = max((run.warm_up for run in analysis.runs), default=0.0)
        yield f"Warm-up cut off by MSER-5: at most {worst:.4g} s of a run" + (
            f"; in {short} of {len(analysis.runs)} runs it was not over in the first half: those runs are too short."
            if short
            else "."
        )


def _without(analysis: Analysis) -> Iterator[Block]:
    """Say why responses of one long run have no interval."""
    why = {
        "whole run": "a section says nothing about the whole (minima, maxima, last values, conditions, key, SQL)",
        "empty section": "some section has no value, for example no request",
    }
    for method, reason in why.items():
        labels = [
            label
            for response, label in enumerate(analysis.study.labels)
            if any(row[response].interval.method == method for row in analysis.estimates)
        ]
        if labels:
            yield f"No interval from one run: {', '.join(labels)}: {reason}."


def _precision(analysis: Analysis) -> Iterator[Block]:
    """Say whether the requested precision was reached."""
    until = analysis.study.until
    if until is None or not analysis.runs:
        return
    asked = f"{until.response} within {ratio(until.relative, 6)}"
    short = analysis.short()
    if not short:
        yield f"{asked}: reached in every cell (Law's sequential rule, half-width over mean at most r/(1+r))."
        return
    response = analysis.study.labels.index(until.response)
    for cell in short[:_MOST]:
        found = analysis.estimates[cell][response].interval
        label, runs = analysis.study.cells[cell].label, len(analysis.runs_of(cell))
        yield f"{asked}: not reached for {label} after {counted(runs, 'run')}: {_reached(found)}."


def _reached(found: Interval) -> str:
    """Say how precisely a mean is known, relative to it."""
    if found.estimate == 0:
        return "the mean is still 0, to which no error is relative"
    there = found.half / abs(found.estimate)
    return f"only within {ratio(there, 3)}" if isfinite(there) else "nothing is known"


def _interval(found: Interval) -> str:
    return f"{_number(found.low)} .. {_number(found.high)}" if isfinite(found.low) else "-"


def _number(value: float) -> str:
    return f"{value:.4g}" if isfinite(value) else "-"


def _signed(value: float) -> str:
    return "0" if value == 0 else f"{value:+.4g}" if isfinite(value) else "-"


def _p(value: float) -> str:
    if not isfinite(value):
        return "-"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
