"""Whatever is wrong with the cells and the responses of a study is reported before the first run."""

import pytest

from meshquake.ensembles import axes, replication, study_check
from meshquake.ensembles.axes import Axis, Level
from meshquake.ensembles.overlaps import overlaps
from meshquake.topology.problems import DocumentError, Problem
from tests.station import BROKEN, MESH, study


def test_all_that_is_wrong_with_cells_and_responses_is_told_at_once_and_once():
    one = study(
        *("services.wbe.workers=1,2", "services.wbe.replicas=1..9:9", "rate=10/s,never", "services.web.workers=1,0"),
        asked=["max(queue_dept) of web", "entry.error_rate"],
        assignments=("nothing=1",),
    )
    told = [str(each) for each in study_check.problems(one, "--")]
    assert {text.split(": ")[0] for text in told} == {
        "--response max(queue_dept) of web",
        "--set nothing=1",
        "--vary services.wbe.workers=1,2",
        "--vary services.wbe.replicas=1,2,3,4,...",
        "--vary rate=never",
        "--vary services.web.workers=0",
    }
    assert len(told) == 6


def told(*varied, **more):
    return [str(each) for each in study_check.problems(study(*varied, **more), "--") if not each.warning]


def test_a_problem_of_one_parameter_hides_none_of_another():
    """A path that leads nowhere, a block that its loader refuses, and a value: each is found after the ones before."""
    found = told("faults.fail-1.shar=1%", "faults.fail-2.share=1%", "services.web.workers=0", scenario=BROKEN)
    assert sorted(text.split(":")[0] for text in found) == [
        "--vary faults.fail-1.shar=1%",
        "--vary faults.fail-2.share=1%",
        "--vary services.web.workers=0",
    ]


def test_in_a_hypercube_the_outermost_values_are_checked_wherever_they_are():
    """Of 900 points in 0..900 one has 0, and of a list each value is checked."""
    assert told("services.web.workers=0..900", "rate=1..50", sample=900) == [
        "--vary services.web.workers=0: must be at least 1, not 0"
    ]
    assert told("services.web.workers=1..900", "services.web.queue=1,none,x", sample=900, seed=3) != []
    assert told("services.web.workers=1..900", "rate=1..20", sample=900) == []


def test_a_cell_that_fails_in_its_run_is_named_by_what_varies_it():
    one = study("services.web.workers=1,0", assignments=("duration=3s",))
    with pytest.raises(DocumentError, match=r"^--vary services\.web\.workers=0: must be at least 1"):
        replication.run(one, 1, 0)


def test_warnings_that_differ_only_in_numbers_are_one():
    """Names keep their numbers: those of two services are two."""
    made = [
        Problem("mesh.yaml", line, path, f"{name} holds {count} of 1,000 requests", warning=True)
        for line, (path, name, count) in enumerate([("a", "web-1", 5), ("a", "web-1", 6.5), ("a", "web-2", 5)], start=1)
    ]
    assert [str(each) for each in study_check.once(made)] == [
        "mesh.yaml:1: warning: a: web-1 holds 5 of 1,000 requests (and 1 more like it)",
        "mesh.yaml:3: warning: a: web-2 holds 5 of 1,000 requests",
    ]


@pytest.mark.parametrize(
    ("varied", "fixed", "message"),
    [
        (["rate=1,2"], ["rate=3"], "--vary rate: replaces what --set rate=3 sets"),
        (["rate=1,2", "workload.rate=3,4"], [], "--vary workload.rate: replaces what --vary rate sets"),
        (["workload.rate=1,2", "rate=3,4"], [], "--vary rate: replaces what --vary workload.rate sets"),
        (["faults.fail-1.share=1%", "faults[0].fail.share=2%"], [], "--vary faults[0].fail.share: replaces what"),
        (["services.web.timeouts={}"], ["services.web.timeouts.a=1"], "--vary services.web.timeouts: replaces what"),
        ([], ["rate=1", "rate=2"], "--set rate=2: replaces what --set rate=1 sets"),
    ],
)
def test_a_setting_that_another_one_replaces_is_refused(varied, fixed, message):
    axes_ = [axes.axis(each) for each in varied]
    (found,) = overlaps(fixed, axes_, BROKEN, MESH, "--")
    assert str(found).startswith(message) and str(found).endswith(": leave out one of them")


def test_a_block_may_be_refined_and_a_variant_may_replace_what_the_others_leave():
    refined = [axes.axis("services.web.health=none,{period: 5s}"), axes.axis("services.web.health.period=1s,2s")]
    assert overlaps([], refined, BROKEN, MESH, "--") == []
    variants = Axis("variant", (Level("as it is", ()), Level("busy", ("rate=40",))))
    assert overlaps(["rate=20"], [variants], BROKEN, MESH, "--") == []


def test_a_response_that_some_cell_can_have_is_none_of_the_problems():
    late = ["entry.requests@10s..20s"]
    assert told("duration=2s,30s", asked=late) == []
    assert told("duration=2s,3s", asked=late) == [
        "--response entry.requests@10s..20s: is outside the recording, which ends 2s after the start of the incident"
    ]


def test_what_only_another_seed_draws_is_counted_with():
    drawn = BROKEN.replace("confounders: none", "confounders: some")
    assert told(scenario=drawn, asked=["max(queue_depth) of web[1]"]) == []
    assert told(scenario=BROKEN, asked=["max(queue_depth) of web[1]"]) != []


def test_a_warm_up_that_leaves_nothing_is_told_once():
    assert told(warm_up=5.0, asked=["entry.requests", "entry.error_rate"]) == [
        "--warm-up 5s: leaves nothing of the recording, which is 5s long"
    ]
    assert told(warm_up=4.9) == []
