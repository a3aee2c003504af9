"""What does not go together in a study: labels, numbers of runs, and the precision to reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meshquake.ensembles.stopping import LEAST, Until
from meshquake.topology.problems import suggestion

#: The most runs of a study.
LARGEST = 500_000
#: Columns of the table of runs, besides those of parameters and responses.
COLUMNS = ("cell", "replication", "seed", "warm_up_s")


@dataclass(frozen=True)
class Mistake:
    """A setting that does not go with others: its key in a study, and its label if it is a response."""

    about: str
    message: str
    label: str = ""

    def __str__(self) -> str:
        return f"{f'{self.about} {self.label}'.strip()}: {self.message}"


def mistakes(
    labels: Sequence[str], parameters: Sequence[str], cells: int, replications: int, until: Until | None, at_most: int
) -> list[Mistake]:
    """All that does not go together.

    Parameters
    ----------
    labels, parameters
        The labels of the responses, and the names of what is varied.
    cells, replications
        The number of cells, and of runs of each.
    until, at_most
        The precision to reach, and the runs of a cell after which to give up.
    """
    found = []
    if not labels:
        found.append(Mistake("responses", "has no response: a study needs at least one"))
    for label in dict.fromkeys(labels):
        if labels.count(label) > 1:
            found.append(Mistake("response", "is given twice", label))
        if label in COLUMNS or label in parameters:
            found.append(Mistake("response", "is a column of the table of runs already: give it another label", label))
    if cells * replications > LARGEST:
        size = cells * replications
        found.append(Mistake("replications", f"makes {size:,} runs in all; at most {LARGEST:,} are allowed"))
    if until is None:
        return found
    if until.response not in labels:
        known = suggestion(until.response, [*dict.fromkeys(labels)])
        found.append(Mistake("until", f"there is no response {until.response!r}{known}"))
    if replications < LEAST:
        found.append(
            Mistake(
                "replications",
                f"must be at least {LEAST} to reach a precision: with fewer, a small variance may be chance",
            )
        )
    if at_most < replications:
        found.append(
            Mistake("at_most", f"must be at least {replications}: so many runs are made before the first check")
        )
    return found
