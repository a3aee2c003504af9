"""Which runs come next: the same runs in the same order, however many processes share them."""

from __future__ import annotations

from collections.abc import Sequence

from meshquake.ensembles.analysis import interval
from meshquake.ensembles.replication import Run
from meshquake.ensembles.study import Study

#: The number of a cell, and that of a replication.
Task = tuple[int, int]


def further(study: Study, runs: Sequence[Run]) -> list[Task]:
    """The runs to do after `runs`, which are all runs requested so far; none if these are enough.

    Each replication goes through its cells in turn, so that an ensemble cut short has equally many runs of each; cells
    that have reached the precision get no more.
    """
    if not runs:
        return [(cell, turn) for turn in range(study.replications) for cell in range(len(study.cells))]
    if study.until is None:
        return []
    response = study.labels.index(study.until.response)
    of_cell: list[list[Run]] = [[] for _ in study.cells]
    for run in runs:
        of_cell[run.cell].append(run)
    ends = {}
    for cell, own in enumerate(of_cell):
        found = interval(study, own, response)
        if not study.until.reached(found) and len(own) < study.at_most:
            ends[cell] = study.until.next_look(found, len(own), study.at_most)
    begin = {cell: len(of_cell[cell]) for cell in ends}
    return [
        (cell, turn)
        for turn in range(min(begin.values(), default=0), max(ends.values(), default=0))
        for cell in ends
        if begin[cell] <= turn < ends[cell]
    ]
