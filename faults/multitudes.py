"""Users so many that a run has no numbers left to tell their requests apart (`topology.numbering`)."""

from __future__ import annotations

from meshquake.faults.kinds.surge import Surge
from meshquake.faults.scenario import Scenario
from meshquake.topology.document import Document
from meshquake.topology.environment.fluctuation import high
from meshquake.topology.numbering import BLOCK_BITS, MOST_BLOCKS, SURGE_BITS, most_users
from meshquake.topology.problems import Problem
from meshquake.topology.spec import Topology
from meshquake.topology.units import duration
from meshquake.topology.users import USUAL, Population

#: Users of a closed population make requests for as long as the run lasts: each must have numbers for so many steps.
_STEPS = 2**15


def multitudes(scenario: Scenario, topology: Topology, document: Document, mesh: Document) -> list[Problem]:
    """Return which users are too many.

    Parameters
    ----------
    scenario, topology
        What is played: the mesh as it was read, and the scenario, whose rate applies if it has one.
    document, mesh
        The documents that they were read from. A population is reported where the mesh has it, and a surge where the
        scenario has its faults.
    """
    played = topology.at_rate(scenario.rate)
    fluctuations = played.environment.users
    highest = high(fluctuations) if fluctuations else 1.0
    surges = [
        (section, fault, scenario.window(fault))
        for section, faults in (("faults", scenario.faults), ("background", scenario.background))
        for fault in faults
        if isinstance(fault, Surge) and fault.crowd > 0
    ]
    found, blocks = [], 0
    for population in played.workload.populations or (Population(USUAL, rate=played.workload.rate),):
        name = population.name
        where = "workload" if name == USUAL else f"workload.populations.{name}"
        first = SURGE_BITS if name == USUAL else BLOCK_BITS
        if message := _excess(population, highest, scenario.length, first):
            found.append(_problem(mesh, where, message))
        own = [each for each in surges if each[1].population in (None, name)]
        for section, surge, window in own:
            if message := _excess(population, highest * surge.crowd, window.end - window.start, SURGE_BITS):
                found.append(_problem(document, section, f"{surge.id}: {message}"))
        blocks += (name != USUAL) + len(own) * (population.answers_matter or population.replay is not None)
    if blocks > MOST_BLOCKS:
        message = f"{blocks:,} populations and surges of populations are too many; at most {MOST_BLOCKS:,} are allowed"
        found.append(_problem(mesh, "workload.populations", message))
    return found


def _excess(population: Population, times: float, seconds: float, in_order: int) -> str:
    """Say that a population which is `times` as large for a time is too many; otherwise return an empty text.

    Requests that nobody waits for are numbered as they come, with `in_order` bits.
    """
    if population.replay is not None:
        return ""
    if population.users is not None:
        many, most, when = population.users * times, most_users(_STEPS), ""
    else:
        assert population.rate is not None
        many, when = population.rate * times * seconds, f" in {_about(seconds)}"
        most = most_users(max(1, len(population.journey))) if population.answers_matter else 2**in_order
    if many <= most:
        return ""
    who = "" if population.name == USUAL else f" of {population.name}"
    return (
        f"{float(f'{many:.2g}'):,.0f} users{who}{when} are too many: the requests of at most {most:,} can be told "
        f"apart. Let fewer come{', or record a shorter time' if when else ''}"
    )


def _about(seconds: float) -> str:
    unit = 3600.0 if seconds >= 36_000 else 60.0
    return duration(round(seconds / unit) * unit)


def _problem(document: Document, path: str, message: str) -> Problem:
    node = document.find(path)
    return Problem(document.file, node.key_line or node.line, node.path, message)
