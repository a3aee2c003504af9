"""The results of an ensemble as tables: runs, cells, differences, and effects of a hypercube's parameters."""

from __future__ import annotations

from typing import Any

import polars as pl
import polars.selectors as cs

from meshquake.ensembles.analysis import QUANTILES, Analysis


def frames(analysis: Analysis) -> dict[str, pl.DataFrame]:
    """Return the tables by name, leaving out empty ones."""
    made = {
        "runs": runs(analysis),
        "cells": cells(analysis),
        "differences": differences(analysis),
        "effects": effects(analysis),
    }
    return {name: frame for name, frame in made.items() if len(frame)}


def runs(analysis: Analysis) -> pl.DataFrame:
    """One row per run: its cell, the levels of its parameters, and one column per response."""
    study = analysis.study
    return _frame(
        [
            {
                "cell": run.cell,
                **_levels(analysis, run.cell),
                "replication": run.replication,
                "seed": run.seed,
                "warm_up_s": run.warm_up,
                **dict(zip(study.labels, run.values, strict=True)),
            }
            for run in analysis.runs
        ]
    )


def cells(analysis: Analysis) -> pl.DataFrame:
    """One row per cell and response: the mean, its interval, and the spread of the runs."""
    study = analysis.study
    letters = [analysis.letters(response) for response in range(len(study.responses))]
    return _frame(
        [
            {
                "cell": cell,
                **_levels(analysis, cell),
                "response": label,
                "runs": each.runs,
                "known": each.known,
                "mean": each.interval.estimate,
                "low": each.interval.low,
                "high": each.interval.high,
                "method": each.interval.method,
                "sd": each.spread,
                **{f"p{share * 100:g}": value for share, value in zip(QUANTILES, each.quantiles, strict=True)},
                "group": letters[response][cell],
            }
            for cell, row in enumerate(analysis.estimates)
            for response, (label, each) in enumerate(zip(study.labels, row, strict=True))
        ]
    )


def differences(analysis: Analysis) -> pl.DataFrame:
    """One row per comparison."""
    study = analysis.study
    return _frame(
        [
            {
                "response": study.labels[each.response],
                "first": study.cells[each.first].label,
                "other": study.cells[each.other].label,
                "pairs": each.difference.pairs,
                "difference": each.difference.mean,
                "low": each.difference.low,
                "high": each.difference.high,
                "p": each.difference.p,
                "p_holm": each.difference.adjusted,
                "differs": each.difference.differs,
                "variance_reduction": each.difference.reduction,
            }
            for each in analysis.compared
        ]
    )


def effects(analysis: Analysis) -> pl.DataFrame:
    """One row per parameter of a hypercube and response."""
    study = analysis.study
    return _frame(
        [
            {
                "parameter": study.axes[each.axis].name,
                "response": study.labels[each.response],
                "rank_correlation": each.correlation,
                "p_holm": each.adjusted,
                "moves": each.moves,
            }
            for each in analysis.effects
        ]
    )


def _levels(analysis: Analysis, cell: int) -> dict[str, str]:
    study = analysis.study
    levels = study.cells[cell].levels
    return {axis.name: level.label for axis, level in zip(study.axes, levels, strict=True)}


def _frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Make a frame of rows, with nan and infinities as null."""
    frame = pl.DataFrame(rows, infer_schema_length=None)
    floats = cs.float()
    return frame.with_columns(pl.when(floats.is_finite()).then(floats)) if rows else frame
