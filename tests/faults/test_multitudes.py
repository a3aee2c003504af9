"""Users so many that their requests could not be told apart are refused, with the place that says how many they are."""

import pytest

from meshquake.faults.loader import Options, parse
from meshquake.topology import loader as topology_loader
from meshquake.topology.problems import DocumentError

MESH = """name: shop
services: {{web: {{operations: {{home: {{}}, pay: {{}}}}}}}}
environment: {environment}
workload:
  {more}
  populations:
    them: {{{them}}}
"""


def complaints(them, faults="[]", more="", environment="{}", **options):
    """Return what is wrong with a scenario."""
    mesh = topology_loader.parse(MESH.format(them=them, more=more, environment=environment), "mesh.yaml")
    chosen = Options(lead_in=0, recovery=0, confounders="none", **options)
    try:
        parse(f"name: x\nfaults: {faults}\n", "x.yaml", chosen, mesh=mesh)
    except DocumentError as error:
        return [str(problem) for problem in error.problems]
    return []


YEAR = 366 * 86_400
ONE, TWO = "journey: [web.home, web.pay]", "mix: {web.home: 1}"


@pytest.mark.parametrize(
    ("them", "options", "message"),
    [
        (f"rate: 8000/s, {ONE}", {}, None),
        (
            f"rate: 9000/s, {ONE}",
            {},
            "mesh.yaml:7: workload.populations.them: 280,000,000,000 users of them in 8784h are too many: the requests "
            "of at most 274,877,906,944 can be told apart. Let fewer come, or record a shorter time",
        ),
        (f"rate: 9000/s, {ONE}", {"duration": 3600}, None),
        (f"rate: 1000000/s, {TWO}", {}, None),
        (f"rate: 1000000/s, {ONE}", {"duration": 86_400}, None),
        ("users: 1000000, mix: {web.home: 1}", {}, None),
    ],
)
def test_too_many_for_the_length_of_a_recording(them, options, message):
    assert complaints(them, **{"duration": YEAR, **options}) == [message] * (message is not None)


def test_the_workloads_own_users_are_reported_at_the_workload():
    own = "rate: 1000000/s\n  mix: {web.home: 1}"
    assert complaints(f"rate: 1/s, {TWO}", more=own, duration=12 * 86_400) == []
    (found,) = complaints(f"rate: 1/s, {TWO}", more=own, duration=YEAR)
    assert found.startswith("mesh.yaml:4: workload: 32,000,000,000,000 users in 8784h are too many: the requests of at")


def test_a_fluctuating_number_of_users_counts_at_its_highest():
    them = f"rate: 5000/s, {ONE}"
    assert complaints(them, duration=YEAR) == []
    assert len(complaints(them, duration=YEAR, environment="{users: {cv: 40%}}")) == 1


@pytest.mark.parametrize(
    ("them", "factor", "message"),
    [
        ("users: 1000000, mix: {web.home: 1}", 200, None),
        (
            "users: 1000000, mix: {web.home: 1}",
            1000,
            "x.yaml:2: faults: surge-1: 1,000,000,000 users of them are too many: the requests of at most 268,435,456 "
            "can be told apart. Let fewer come",
        ),
        (f"rate: 100000/s, {TWO}", 100, None),
        (
            f"rate: 1000000/s, {TWO}",
            1000,
            "x.yaml:2: faults: surge-1: 86,000,000,000,000 users of them in 24h are too many: the requests of at most "
            "1,099,511,627,776 can be told apart. Let fewer come, or record a shorter time",
        ),
    ],
)
def test_too_large_a_surge_is_reported_at_the_faults(them, factor, message):
    faults = f"[{{surge: {{target: users, factor: {factor}}}}}]"
    assert complaints(them, faults, duration=86_400) == [message] * (message is not None)


def test_too_many_surges_of_populations_are_refused():
    faults = ", ".join(["{surge: {target: users, factor: 2}}"] * 2048)
    (found,) = complaints("users: 1, mix: {web.home: 1}", f"[{faults}]", duration=60)
    assert found == (
        "mesh.yaml:6: workload.populations: 2,049 populations and surges of populations are too many; at most 2,048 "
        "are allowed"
    )
