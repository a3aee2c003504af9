"""The users: how each population arrives, what it asks for, and how it reacts to the responses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from meshquake.exporters.blocks import Block, Facts, Table
from meshquake.topology.distributions import Distribution
from meshquake.topology.shapes import OnOff, Ramp, Shape, Sine, Steps
from meshquake.topology.spec import Topology
from meshquake.topology.units import counted, duration, rate, ratio
from meshquake.topology.users import Bursts, Population, Step

_NONE = "-"
_OBEYS = ", obey Retry-After"


def populations(topology: Topology) -> list[Block]:
    """Describe each population on one line, and what each asks for; columns that none of them uses are left out."""
    work = {f"{each.name}.{own.name}": own.work.expectation() for each in topology.services for own in each.operations}
    columns: dict[str, Callable[[Population], str]] = {
        "POPULATION": lambda each: each.name,
        "COMES AS": _come,
        "OVER TIME": lambda each: _over_time(each.over_time),
        "THINKS": lambda each: _mean(each.think_time),
        "PATIENCE": lambda each: _mean(each.patience),
        "RELOADS": lambda each: ratio(each.reload) if each.reload else _NONE,
        "RETRIES": lambda each: f"{ratio(each.retry)}{_OBEYS * each.obeys_retry_after}" if each.retry else _NONE,
        "RETURNS": lambda each: ratio(each.returns) if each.returns else _NONE,
        "REQUESTS": lambda each: rate(sum(each.expected(work).values()), digits=2),
    }
    rows = [[show(each) for show in columns.values()] for each in topology.workload.populations]
    if not rows:
        return []
    used = [place for place, cells in enumerate(zip(*rows, strict=True)) if set(cells) - {_NONE}]
    table = Table(
        [list(columns)[place] for place in used], [[row[place] for place in used] for row in rows], align="<<<>"
    )
    asked = Facts([(each.name, _asks(each)) for each in topology.workload.populations])
    return [table, "", asked, "", "Requests: with all users present and nothing wrong. Times: means."]


def _come(population: Population) -> str:
    """Describe how the users of a population arrive."""
    if population.replay is not None:
        return "a recording"
    if population.users is not None:
        return counted(population.users, "user")
    assert population.rate is not None
    return f"{rate(population.rate)}{', sessions' if population.journey else ''}"


def _asks(population: Population) -> str:
    """Describe what the users of a population ask for."""
    if population.journey:
        return " -> ".join(_step(step) for step in population.journey)
    if population.replay is not None:
        weights: Mapping[str, float] = population.replay.counts
    else:
        weights = {str(entry): entry.weight for entry in population.mix}
    total = sum(weights.values())
    return ", ".join(f"{name} {ratio(weight / total, digits=3)}" for name, weight in weights.items())


def _step(step: Step) -> str:
    notes = list(_notes(step))
    return f"{step} ({', '.join(notes)})" if notes else str(step)


def _notes(step: Step) -> Iterator[str]:
    if step.chance < 1:
        yield ratio(step.chance)
    if step.needs:
        yield f"needs {step.needs}"
    if step.optional:
        yield "optional"


def _mean(times: Distribution | None) -> str:
    mean = 0.0 if times is None else times.expectation()
    return duration(mean, digits=2) if mean else _NONE


def _over_time(shape: Shape | Bursts | None) -> str:
    """Describe how their number changes over time."""
    match shape:
        case None:
            return _NONE
        case Bursts():
            on, off = duration(shape.on.expectation(), digits=2), duration(shape.off.expectation(), digits=2)
            return f"{counted(shape.sources, 'source')}, on {on}, off {off}"
        case Ramp():
            return f"ramp, up {duration(shape.up)}, down {duration(shape.down)}"
        case Steps():
            return f"steps {', '.join(ratio(level) for level in shape.levels)}"
        case Sine():
            return f"sine of {duration(shape.period)}, from {ratio(shape.low)}"
        case OnOff():
            return f"on {duration(shape.on)}, off {duration(shape.off)}"
        case _:
            return shape.word
