"""The shipped meshes: complete, free of unexpected warnings, and playable by every command."""

import re

import polars as pl
import pytest
from laws import check_counters
from stage import drain, take_rows, unfold

from meshquake.faults.loader import Options, load, shipped
from meshquake.sim.mesh import Mesh
from meshquake.sim.simulation import Simulation
from meshquake.topology import loader
from meshquake.topology.problems import DocumentError
from meshquake.topology.review import remarks
from meshquake.truth.preview import kept

MESHES = sorted(loader.shipped())
#: The warnings of `topology check` about them, which are true of the real systems.
ODD = {"train-ticket": ["possible deadlock"], "ten-services": ["3s", "1s"]}
#: The role that a mesh lacks, by the command that needs it.
LACKING = {"isotope": dict.fromkeys(("cascade", "outage"), "isotope has no database; ")}


@pytest.mark.parametrize("mesh", MESHES)
def test_each_says_what_it_has_and_has_not_and_where_it_is_from(mesh):
    """In its header, with the commit that was read, except for the project's own mesh."""
    head = loader.shipped()[mesh].read_text(encoding="utf-8").split("name:")[0]
    own = mesh == loader.DEFAULT
    assert own or re.search(r"# Source: https://\S+ at [0-9a-f]{7}\b", head)
    assert own or all(f"\n# {word}: " in head for word in ("Has", "Has not"))


@pytest.mark.parametrize("mesh", MESHES)
def test_a_check_is_quiet_or_warns_of_what_is_odd(mesh):
    """One warning per default."""
    warnings = [problem.message for problem in remarks(loader.load(loader.shipped()[mesh]))]
    assert len(warnings) == len(ODD.get(mesh, ()))
    assert all(word in warning for word, warning in zip(ODD.get(mesh, ()), warnings, strict=True))


def keeps_its_promises(mesh, seconds, seed):
    options = Options(topology=mesh, duration=seconds, lead_in=0, recovery=0, seed=seed)
    return kept(Simulation.of(load(shipped()["normal"], options)))


@pytest.mark.parametrize("mesh", MESHES)
def test_by_itself_it_keeps_what_it_promises_its_users(mesh):
    assert keeps_its_promises(mesh, 30, seed=42)


@pytest.mark.slow
@pytest.mark.parametrize("mesh", MESHES)
def test_for_ten_minutes_too(mesh):
    assert all(keeps_its_promises(mesh, 600, seed) for seed in (1, 2, 3))


@pytest.mark.slow
def test_the_ten_services_do_over_twenty_seeds():
    assert all(keeps_its_promises(loader.DEFAULT, 600, seed) for seed in range(1, 21))


@pytest.mark.parametrize("mesh", MESHES)
def test_every_command_plays_or_says_in_one_line_which_role_is_missing(mesh):
    """An outage can be played on any mesh that has a database, without writing a scenario."""
    for name, path in shipped().items():
        options = Options(topology=mesh, duration=24, lead_in=1, recovery=1, rate=2, seed=1)
        if name in LACKING.get(mesh, {}):
            with pytest.raises(DocumentError) as caught:
                load(path, options)
            (problem,) = caught.value.problems
            assert problem.message.startswith(LACKING[mesh][name])
            continue
        loaded = load(path, options)
        running = Mesh(loaded.topology.at_rate(2.0), 1, end=26.0)
        for fault in (*loaded.scenario.faults, *loaded.scenario.background):
            running.env.process(unfold(running, fault, loaded.scenario.window(fault)))
        running.env.advance(26.0)
        drain(running)
        assert len(take_rows(running)) > 30
        check_counters(running)


def test_one_of_them_is_played():
    """Two seconds of Online Boutique: nine prices are converted one after another for each visit to the home page."""
    loaded = load(
        shipped()["normal"],
        Options(topology="online-boutique", duration=2, lead_in=4, recovery=0, rate=20, seed=1, calm=True),
    )
    spans = pl.concat([batch.traces for batch in Simulation.of(loaded).batches()]).filter(kind="server")
    home = spans.filter(operation="frontend.home")
    assert len(home)
    prices = spans.filter(pl.col("trace_id").is_in(home["trace_id"].implode()), operation="currencyservice.convert")
    assert len(prices) == 9 * len(home)
