"""How a hypercube's parameters relate to responses: by amounts, or by the order in which levels were listed."""

import re

import numpy as np
import pytest

from meshquake.ensembles.analysis import Analysis
from meshquake.ensembles.replication import Run
from meshquake.exporters.ensembles import chart, manifest
from tests.station import study

ORDER = ("none", "low", "mid", "high")


def analysed(one, value):
    """Analyse runs whose response is a function of the label of the first parameter's level."""
    runs = [
        Run(cell, turn, one.seed_of(turn), (float(value(each.levels[0].label)),))
        for turn in range(one.replications)
        for cell, each in enumerate(one.cells)
    ]
    return Analysis(one, runs)


@pytest.mark.parametrize("seed", range(10))
def test_a_response_that_grows_along_the_list_of_levels_has_a_rank_correlation_of_1(seed, tmp_path):
    """In whatever order the hypercube has them, and after the study was read back."""
    one = study(f"a={','.join(ORDER)}", "rate=1..9", sample=12, seed=seed, replications=2)
    manifest.save(tmp_path, one)
    for each in (one, manifest.load(tmp_path)[0]):
        effect, _ = analysed(each, ORDER.index).effects
        assert effect.correlation == pytest.approx(1) and effect.moves


def test_times_in_different_units_are_in_the_order_of_time():
    one = study("services.web.timeout=90s,500ms,2m,1s", sample=8, replications=2)
    seconds = {"90s": 90, "500ms": 0.5, "2m": 120, "1s": 1}
    found = analysed(one, lambda label: -seconds[label])
    assert found.effects[0].correlation == pytest.approx(-1)
    assert set(found.positions(0)) == {90.0, 0.5, 120.0, 1.0}


@pytest.mark.parametrize(("runs", "differs"), [(5, False), (6, True)])
def test_shares_of_runs_are_compared_by_the_runs_that_disagree(runs, differs):
    """Five of five have p = 2 / 32, six of six 2 / 64."""
    one = study("rate=1,2", asked=["entry.error_rate > 0.5"], replications=runs)
    (found,) = analysed(one, lambda label: label == "2").compared
    assert (found.difference.mean, found.difference.differs) == (1, differs)
    assert found.difference.p == 2 * 0.5**runs and found.difference.high == 1


def test_cells_are_compared_by_replication_whichever_of_them_they_have():
    one = study("rate=1,2", replications=6)
    runs = [Run(cell, turn, one.seed_of(turn), (float(turn + cell),)) for turn in range(6) for cell in range(2)]
    some = [run for run in runs if (run.cell, run.replication) not in ((0, 0), (1, 3))]
    (found,) = Analysis(one, some).compared
    assert (found.difference.pairs, found.difference.mean, found.difference.reduction) == (4, 1, np.inf)


def test_a_manifest_whose_cells_are_not_made_of_its_levels_is_refused(tmp_path):
    manifest.save(tmp_path, study(f"a={','.join(ORDER)}", sample=4))
    file = tmp_path / manifest.NAME
    text = file.read_text()
    place = text.index('"cells"')
    file.write_text(text[:place] + text[place:].replace('"mid"', '"middle"'))
    with pytest.raises(manifest.EnsembleError, match=r"cell . is not made of the levels of what is varied"):
        manifest.load(tmp_path)


def words(analysis, folder):
    """Return the texts of the plot, in order."""
    chart.write(analysis, folder)
    return re.findall(r"<text[^>]*>([^<]+)</text>", (folder / "plot.svg").read_text())


def test_the_plot_has_amounts_at_their_places_with_one_unit(tmp_path):
    one = study("services.web.timeout=500ms,1s,90s", replications=2)
    found = words(analysed(one, lambda label: len(label)), tmp_path)
    assert {"0s", "50s", "90s"} <= set(found) and "500ms" not in found


def test_the_plot_of_a_hypercube_has_levels_in_the_order_of_their_list(tmp_path):
    one = study(f"a={','.join(ORDER)}", sample=8, replications=2)
    found = words(analysed(one, ORDER.index), tmp_path)
    assert [each for each in found if each in ORDER] == [*ORDER]
