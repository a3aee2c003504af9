"""A study of one service with one worker: M/M/1, whose mean sojourn time is known."""

from meshquake.ensembles import axes
from meshquake.ensembles.response_text import response
from meshquake.ensembles.study import Study

MESH = """
name: station
services: {web: {workers: 1, queue: 1000, readiness: {period: 600s}, operations: {home: {work: {exponential: 10ms}}}}}
workload: {rate: 50/s, mix: {web.home: 1}}
"""
SCENARIO = "{name: calm, lead_in: 1s, duration: 4s, recovery: 0s, confounders: none}"
#: A fault that makes it refuse half of its requests.
BROKEN = """
name: broken
lead_in: 5s
duration: 10s
recovery: 5s
confounders: none
faults: [fail: {target: web, share: 50%}]
"""


def study(*varied, asked=("entry.latency_mean",), scenario=SCENARIO, mesh=MESH, sample=None, **more):
    """Return a study of it."""
    parameters = tuple(axes.axis(each) for each in varied)
    return Study(
        name="study",
        scenario=scenario,
        topology=mesh,
        file="study",
        axes=parameters,
        sample=sample,
        cells=axes.cells(parameters, sample, more.get("seed", 1)),
        responses=tuple(map(response, asked)),
        **more,
    )
