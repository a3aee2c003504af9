"""Users whom even a healthy mesh disappoints."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from meshquake.topology.graph import name_of
from meshquake.topology.review.failures import failures
from meshquake.topology.review.mesh import Finding, Mesh
from meshquake.topology.units import duration, ratio

#: Share of healthy requests whose users may leave before the answer.
_LEFT = 0.1


def promised(mesh: Mesh) -> Iterator[Finding]:
    """An objective that healthy answers break; only the worst entry is reported."""
    objective, fail = mesh.topology.workload.objective, failures(mesh.operations, mesh.edges)
    entries = [name_of(entry) for entry in mesh.topology.workload.mix if entry.weight]
    in_time = {name: float(np.mean(mesh.response[name] <= objective.within)) for name in entries}
    worst = min(entries, key=lambda name: in_time[name] * (1 - fail[name]))
    good = in_time[worst] * (1 - fail[worst])
    if good < objective.share:
        failing = f" ({ratio(fail[worst], digits=2)} fail because of error rates)" if fail[worst] else ""
        yield (
            "workload.objective",
            f"is broken while nothing is wrong: {ratio(good, digits=2)} of the requests for {worst} succeed within "
            f"{duration(objective.within)}{failing}, but {ratio(objective.share)} are promised",
        )


def deserted(mesh: Mesh) -> Iterator[Finding]:
    """Populations in which many users leave before a healthy answer."""
    order = np.random.Generator(np.random.Philox(key=1)).permutation(1000)
    quantiles = (order + 0.5) / len(order)
    for population in mesh.topology.workload.populations:
        if population.patience is None:
            continue
        waits = population.patience.quantile(quantiles)
        left = {name: float(np.mean(waits < mesh.response[name])) for name in population.entries}
        worst = max(left, key=left.__getitem__)
        if left[worst] >= _LEFT:
            yield (
                f"workload.populations.{population.name}.patience",
                f"{ratio(left[worst], digits=2)} of the healthy answers of {worst} come too late "
                f"(mean patience {duration(population.patience.expectation(), digits=2)}, mean answer "
                f"{duration(float(mesh.response[worst].mean()), digits=2)})",
            )
