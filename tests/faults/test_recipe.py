"""A recipe can be loaded again with changes, and errors in them are reported to their author."""

from dataclasses import replace

import pytest

from meshquake.faults import loader as scenario_loader
from meshquake.faults.edits import apply
from meshquake.faults.loader import Options
from meshquake.faults.recipe import Recipe
from meshquake.topology import loader as topology_loader
from meshquake.topology.problems import DocumentError

CASCADE = Recipe(
    scenario_loader.shipped()["cascade"].read_text(encoding="utf-8"),
    topology_loader.shipped()["ten-services"].read_text(encoding="utf-8"),
    Options(duration=90, lead_in=60, recovery=60, rate=20, severity=0.5, confounders="many", seed=3),
    "manifest.json",
)


def problems(*assignments, recipe=CASCADE):
    """Return the errors of refused assignments."""
    with pytest.raises(DocumentError) as refused:
        recipe.load_with(assignments)
    return [str(problem) for problem in refused.value.problems]


def test_it_gives_what_its_files_give():
    loaded = scenario_loader.load(scenario_loader.shipped()["cascade"], CASCADE.options)
    again = CASCADE.load()
    assert (again.scenario, again.topology) == (loaded.scenario, loaded.topology)


def test_with_no_change_the_same_happens():
    same, loaded = CASCADE.load_with([]), CASCADE.load()
    assert same.topology == loaded.topology
    assert same.scenario == replace(loaded.scenario, confounders="none")


def test_assignments_change_just_what_they_say():
    loaded, changed = CASCADE.load(), CASCADE.load_with(["services.database.replicas=3", "faults.slow-1.factor=20"])
    assert changed.topology.service("database") == replace(loaded.topology.service("database"), replicas=3)
    assert changed.scenario.faults == (replace(loaded.scenario.faults[0], factor=20),)
    assert changed.scenario.background == loaded.scenario.background


def test_what_the_seed_drew_stays_though_it_would_draw_otherwise_for_what_was_changed():
    """A new draw would avoid a target; a service that becomes one keeps the background drawn for it."""
    loaded = CASCADE.load().scenario
    service = loaded.background[0].target.service
    changed = CASCADE.load_with([f"faults.slow-1.target={service}"]).scenario
    assert changed.background == loaded.background
    text = apply(CASCADE.scenario, "faults.slow-1.target", service)
    assert replace(CASCADE, scenario=text).load().scenario.background != loaded.background


def test_another_mesh_takes_the_place_of_its_own_and_what_was_drawn_stays():
    mesh = topology_loader.parse(apply(CASCADE.topology, "services.user-service.replicas", "1"), "mesh.yaml")
    changed = CASCADE.load_with(["services.database.replicas=3"], mesh)
    services = {service.name: service.replicas for service in changed.topology.services}
    assert (services["user-service"], services["database"], services["cache-service"]) == (1, 3, 2)
    assert changed.scenario.background == CASCADE.load().scenario.background


def test_what_is_an_option_of_the_run_takes_the_place_of_the_recorded_one():
    changed = CASCADE.load_with(["duration=2m", "lead_in=90s", "recovery=10s", "rate=40/s", "severity=1"]).scenario
    assert (changed.duration, changed.lead_in, changed.recovery, changed.rate) == (120, 90, 10, 40)
    assert changed.faults[0].severity == 1
    assert CASCADE.load().scenario.faults[0].severity == 0.5


def test_a_confounder_that_the_recording_does_not_hold_any_more_is_left_out_and_said_to_be():
    background = CASCADE.load().scenario.background
    first, second, *_ = sorted(background, key=lambda fault: fault.at.seconds)
    changed = CASCADE.load_with([f"lead_in={-second.at.seconds}s"])
    assert changed.scenario.background == tuple(fault for fault in background if fault is not first)
    (warning,) = changed.scenario_document.problems
    why = "is left out, because it no longer fits into the recording"
    assert str(warning) == f"{first.id}: warning: {first.kind} of {first.target} {why}"


def test_a_confounder_that_is_changed_is_not_left_out():
    whole = CASCADE.load().scenario
    early = next(fault for fault in whole.background if whole.window(fault).start < whole.lead_in)
    changed = CASCADE.load_with(["lead_in=0s", f"background.{early.id}.at=1s"]).scenario
    assert [fault.at.seconds for fault in changed.background if fault.id == early.id] == [1]
    (problem,) = problems("lead_in=0s", f"background.{early.id}.at=-1s")
    assert problem.startswith(f"--set background.{early.id}.at=-1s: ")
    assert "outside the recording" in problem


def test_what_the_scenario_itself_has_besides_is_not_left_out():
    text = f"{CASCADE.scenario}background:\n  - restart: {{target: 'cache-service[0]', at: -9s}}\n"
    own = replace(CASCADE, scenario=text, options=replace(CASCADE.options, confounders="none"))
    assert own.load_with([]).scenario.background == own.load().scenario.background
    (problem,) = problems("lead_in=0s", recipe=own)
    assert problem.startswith("manifest.json (scenario): background[0].restart: begins at -9s of the incident")


def test_the_rate_of_the_workload_is_that_of_the_run():
    assert CASCADE.load_with(["workload.rate=40/s"]).scenario.rate == 40
    whole = CASCADE.load_with(["workload={rate: 5/s, mix: {api-gateway.browse: 1}}"])
    assert (whole.scenario.rate, whole.topology.workload.rate) == (None, 5)


def test_of_two_assignments_to_a_path_the_last_holds():
    changed = CASCADE.load_with(["services.database.replicas=3", "services.database.replicas=4"])
    assert changed.topology.service("database").replicas == 4


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("services.database.replicas=three", "must be a whole number such as 12, not 'three'"),
        ("services.database.replcas=3", "services.database: unknown key 'replcas' (did you mean 'replicas'?)"),
        ("services.databse.replicas=3", "there is no service 'databse' (did you mean 'database'?)"),
        ("faults.slow-1.factor=0", "must be at least 1, not 0"),
        ("faults.slow-1.target=databse", "unknown service 'databse' (did you mean 'database'?)"),
        ("faults.slow-1={target: database}", "missing key 'factor'"),
        ("workload.mix.api-gateway.brows=1", "api-gateway has no operation 'brows' (did you mean 'browse'?)"),
        ("workload.rate=fast", "must be a rate such as 20/s, 90/m or 5/h, not 'fast'"),
        ("duration=2", "needs a unit, as in 2ms or 2s"),
        ("duration=0", "must be more than 0s, not 0"),
        ("severity=200%", "must be at most 100%, not 200%"),
        ("severity={", "is not YAML: while parsing a flow node, did not find expected node content"),
        ("servces.database.replicas=3", "a path cannot begin with 'servces' (did you mean 'services'?)"),
        ("services", "must be PATH=VALUE, as in services.database.replicas=3"),
    ],
)
def test_what_comes_of_an_assignment_is_told_as_its_own(assignment, message):
    assert problems(assignment) == [f"--set {assignment}: {message}"]


def test_of_several_assignments_each_gets_its_own_errors():
    assert problems("a=1", "services.x.replicas=2", "duration=x") == [
        "--set a=1: a path cannot begin with 'a' (valid: services, defaults, edges, workload, cluster, environment, "
        "duration, lead_in, recovery, rate, severity, observability, telemetry, faults, background, actions)",
        "--set duration=x: must be a duration such as 250ms, 1.5s or 2m, not 'x'",
        "--set services.x.replicas=2: there is no service 'x' (valid: api-gateway, auth-service, user-service, "
        "product-service, order-service, payment-service, inventory-service, notification-service, cache-service, "
        "database)",
    ]
    assert problems("services.database.workers=0", "services.database.queue=-1") == [
        "--set services.database.queue=-1: must be at least 0, not -1",
        "--set services.database.workers=0: must be at least 1, not 0",
    ]


def test_what_follows_elsewhere_is_told_of_the_text_without_lines_that_nobody_has_seen():
    stopped = replace(CASCADE, scenario='name: s\nfaults:\n  - stop: {target: "database[1]"}\n')
    assert stopped.load().scenario.faults[0].target.replica == 1
    assert problems("services.database.replicas=1", recipe=stopped) == [
        "manifest.json (scenario): faults[0].stop.target: the last replica of database is database[0]"
    ]


def test_a_recipe_that_is_wrong_from_the_start_says_where():
    wrong = replace(CASCADE, scenario="name: s\nfaults:\n  - slw: {target: database, factor: 2}\n")
    with pytest.raises(
        DocumentError, match=r"^manifest.json \(scenario\):3: faults\[0\].slw: unknown kind of fault 'slw'"
    ):
        wrong.load()


def test_what_has_a_role_stays_whatever_is_changed_and_each_of_every_one_can_be_changed_alone():
    """With only product pages, another service would be the most called one."""
    text = (
        "name: roles\nfaults:\n  - slow: {target: {kind: service}, factor: 4}\n"
        "  - fail: {target: {kind: service, role: every}, share: 10%}\n"
    )
    recipe = replace(CASCADE, scenario=text)
    loaded = recipe.load().scenario
    changed = recipe.load_with(
        ["workload.mix={api-gateway.product_page: 1}", "faults.fail-3.share=50%", "faults.slow-1.factor=5"]
    ).scenario
    assert str(loaded.faults[0].target) == str(changed.faults[0].target) == "auth-service"
    assert [fault.id for fault in changed.faults] == [fault.id for fault in loaded.faults]
    assert [fault.share for fault in changed.faults[1:]] == [0.1, 0.1, 0.5, *[0.1] * 4]
    assert changed.background == loaded.background


def test_a_target_can_be_changed_to_a_role():
    changed = CASCADE.load_with(["faults.slow-1.target={kind: cache}"]).scenario
    assert str(changed.faults[0].target) == "cache-service"


# -- faults left out -------------------------------------------------------------------------------------------------

THREE = replace(
    CASCADE,
    scenario="""
name: three
faults:
  - slow: {target: database, factor: 8}
  - stop: {target: "auth-service[0]", for: 20s, id: first}
  - slow: {target: cache-service, factor: 4, ramp: 10s}
background:
  - job: {target: user-service}
""",
    options=Options(seed=3),
)


def test_faults_left_out_are_gone_and_the_others_are_just_as_they_were():
    whole = THREE.load_with().scenario
    assert [fault.id for fault in whole.faults] == ["slow-1", "first", "slow-2"]
    assert THREE.load_with(without=["slow-1"]).scenario == replace(whole, faults=whole.faults[1:])
    assert THREE.load_with(without=["first", "job-1"]).scenario == (
        replace(whole, faults=whole.faults[::2], background=whole.background[1:])
    )


def test_faults_that_are_not_there_are_named_all_at_once_with_the_nearest_and_with_what_else_is_wrong():
    with pytest.raises(DocumentError) as refused:
        replace(THREE, options=Options(confounders="none")).load_with(
            ["services.databse.replicas=3"], without=["slow-3", "slow-1", "zzz"]
        )
    assert [str(problem) for problem in refused.value.problems] == [
        "--set services.databse.replicas=3: there is no service 'databse' (did you mean 'database'?)",
        "--without slow-3: there is no such fault, background event or action (did you mean 'slow-2'?)",
        "--without zzz: there is no such fault, background event or action (valid: slow-1, first, slow-2, job-1)",
    ]


def test_what_a_change_would_make_impossible_can_be_left_out_without_a_word():
    """A confounder that a shorter lead-in drops, and a fault that the change makes invalid."""
    early = min(CASCADE.load().scenario.background, key=lambda fault: fault.at.seconds)
    changed = CASCADE.load_with(["lead_in=0s"], without=[early.id])
    assert early.id not in {fault.id for fault in changed.scenario.background}
    assert not any(str(problem).startswith(f"{early.id}: ") for problem in changed.scenario_document.problems)
    assert CASCADE.load_with(["faults.slow-1.factor=0"], without=["slow-1"]).scenario.faults == ()


def test_an_assignment_is_still_blamed_at_its_place_when_a_fault_before_it_is_left_out():
    with pytest.raises(DocumentError) as refused:
        THREE.load_with(["faults[2].slow.factor=0"], without=["slow-1"])
    assert str(refused.value) == "--set faults[2].slow.factor=0: must be at least 1, not 0"
