"""Scenario files, good and bad."""

from textwrap import dedent

import pytest
from click.testing import CliRunner
from hypothesis import example, given, settings
from hypothesis import strategies as st

from meshquake.commands.main import main
from meshquake.faults.fault import Extent, Target, Window
from meshquake.faults.kinds import fault_kinds
from meshquake.faults.kinds.job import Job
from meshquake.faults.kinds.slow import Slow
from meshquake.faults.loader import Options, load, parse, shipped
from meshquake.faults.scenario import Scenario
from meshquake.topology import loader as topology_loader
from meshquake.topology.binder import keys_of
from meshquake.topology.problems import DocumentError


def read(text, **options):
    """Return the scenario of a text, without confounders unless the text asks for some."""
    return parse(dedent(text).lstrip("\n"), "my.yaml", Options(**{"confounders": "none"} | options)).scenario


def complaints(text, **options):
    """Return all errors of a text, one per line."""
    with pytest.raises(DocumentError) as refused:
        read(text, **options)
    return str(refused.value).split("\n")


def with_fault(fault):
    """Return a scenario with one fault, in line 2."""
    return f"name: x\nfaults: [{fault}]"


# -- valid ---------------------------------------------------------------------------------------------------------


def test_a_name_is_all_that_a_scenario_needs():
    assert read("name: calm") == Scenario(name="calm", confounders="none")


def test_every_key_of_a_scenario_and_of_a_fault_is_kept():
    scenario = read(
        """
        name: mine
        summary: A try
        group: noise
        topology: ten-services
        duration: 2m
        lead_in: 30s
        recovery: 0
        rate: 90/m
        faults:
          - slow: {id: lock, target: database, factor: 4, at: 25%, for: 40s, ramp: 10s, severity: 50%}
        background:
          - job: {target: auth-service}
        confounders: none
        """
    )
    lock = Slow(
        id="lock",
        target=Target("service", "database"),
        factor=4.0,
        at=Extent(share=0.25),
        for_=Extent(seconds=40.0),
        ramp=Extent(seconds=10.0),
        severity=0.5,
    )
    job = Job(id="job-1", target=Target("service", "auth-service"))
    assert scenario == Scenario(
        "mine", "A try", "noise", "ten-services", 120.0, 30.0, 0.0, 1.5, (lock,), (job,), confounders="none"
    )
    assert scenario.window(lock) == Window(start=60.0, full=70.0, end=100.0)


@pytest.mark.parametrize(
    ("written", "target"),
    [
        ("database", Target("service", "database")),
        ("database[1]", Target("replica", "database", replica=1)),
        ("database.select", Target("operation", "database", operation="select")),
    ],
)
def test_a_target_is_a_service_a_replica_or_an_operation(written, target):
    (fault,) = read(with_fault(f'slow: {{target: "{written}", factor: 2}}')).faults
    assert fault.target == target
    assert str(fault.target) == written


@pytest.mark.parametrize("written", ["order-service -> database", "order-service->database"])
def test_a_target_may_be_an_edge(written):
    (fault,) = read(with_fault(f"drop: {{target: {written}}}")).faults
    assert fault.target == Target("edge", "order-service", callee="database")


@pytest.mark.parametrize("written", ["users", "api-gateway.checkout"])
def test_a_surge_comes_from_all_users_or_from_those_who_ask_for_one_thing(written):
    (fault,) = read(with_fault(f"surge: {{target: {written}, factor: 2}}")).faults
    assert str(fault.target) == written


def test_a_fault_lasts_as_long_as_the_incident_unless_it_says_otherwise():
    scenario = read(with_fault("slow: {target: database, factor: 2}"), duration=10, lead_in=5)
    assert scenario.window(scenario.faults[0]) == Window(start=5.0, full=5.0, end=15.0)


def test_a_fault_may_begin_before_the_incident_and_end_after_it_within_the_recording():
    scenario = read(with_fault("slow: {target: database, factor: 2, at: -20s, for: 200%}"))
    assert scenario.window(scenario.faults[0]) == Window(start=40.0, full=40.0, end=160.0)


def test_faults_without_an_id_are_numbered_by_kind():
    scenario = read(
        """
        name: x
        faults:
          - slow: {target: database, factor: 2}
          - stop: {target: "database[0]", id: slow-b}
          - slow: {target: cache-service, factor: 2}
        """
    )
    assert [fault.id for fault in scenario.faults] == ["slow-1", "slow-b", "slow-2"]


def test_options_take_the_place_of_what_the_file_says_and_severity_multiplies():
    scenario = read(
        """
        name: x
        duration: 20s
        rate: 5
        faults: [slow: {target: database, factor: 2, severity: 80%}]
        """,
        duration=30,
        lead_in=1,
        recovery=2,
        rate=7,
        severity=0.5,
    )
    assert (scenario.duration, scenario.lead_in, scenario.recovery, scenario.rate) == (30, 1, 2, 7)
    assert scenario.faults[0].severity == pytest.approx(0.4)
    assert (scenario.severity, scenario.at_severity(0.5).severity) == (0.5, 0.25)


def test_a_topology_file_is_looked_for_beside_the_scenario_file(tmp_path):
    (tmp_path / "mesh.yaml").write_text("name: tiny\nservices: {a: {operations: {x: {}}}}\nworkload: {mix: {a.x: 1}}\n")
    mine = tmp_path / "mine.yaml"
    mine.write_text("name: mine\ntopology: mesh.yaml\nfaults: [slow: {target: a, factor: 2}]\n")
    assert load(mine).topology.name == "tiny"


def test_the_topology_option_takes_the_place_of_the_key(tmp_path):
    assert load(shipped()["cascade"], Options(topology="ten-services")).topology.name == "ten-services"
    with pytest.raises(DocumentError, match=r"elsewhere\.yaml: no such file"):
        load(shipped()["cascade"], Options(topology=tmp_path / "elsewhere.yaml"))


# -- errors --------------------------------------------------------------------------------------------------------

BAD_FILES = {
    "a key that a scenario does not have": (
        "name: x\ntopolgy: a",
        "my.yaml:2: unknown key 'topolgy' (did you mean 'topology'?)",
    ),
    "no name": ("summary: x", "my.yaml:1: missing key 'name'"),
    "a name that cannot be a folder's": (
        "name: ../x",
        "my.yaml:1: name: must be letters, digits, `-` and `_`, as in my-outage, not '../x'",
    ),
    "no unit": ("name: x\nduration: 20", "my.yaml:2: duration: needs a unit, as in 20ms or 20s"),
    "no such unit": (
        "name: x\nduration: 2min",
        "my.yaml:2: duration: must be a duration such as 250ms, 1.5s or 2m, not '2min'",
    ),
    "a negative time": ("name: x\nlead_in: -1s", "my.yaml:2: lead_in: must be at least 0s, not -1s"),
    "an incident of no length": ("name: x\nduration: 0", "my.yaml:2: duration: must be more than 0s, not 0"),
    "an absurd number": ("name: x\nrate: 1e9", "my.yaml:2: rate: must be at most 1000000/s, not 1e9"),
    "no such group": (
        "name: x\ngroup: incidents",
        "my.yaml:2: group: cannot be 'incidents' (did you mean 'incident'?)",
    ),
    "no such mesh": (
        "name: x\ntopology: ten-service",
        "my.yaml:2: topology: 'ten-service' is neither a shipped mesh nor a file in . (did you mean 'ten-services'?)",
    ),
    "a list in place of a block": ("- a", "my.yaml:1: must be a block with name, not a list"),
    "faults that are no list": (
        "name: x\nfaults: {slow: {}}",
        "my.yaml:2: faults: must be a list of faults, as in `- slow: {target: ..., factor: 4}`, not a block of keys",
    ),
    "a key twice": ("name: x\nname: y", "my.yaml:2: key 'name' appears twice (first on line 1)"),
}


@pytest.mark.parametrize(("text", "complaint"), BAD_FILES.values(), ids=list(BAD_FILES))
def test_a_bad_file_is_refused_with_its_line_its_key_and_what_would_be_right(text, complaint):
    assert complaints(text) == [complaint]


BAD_FAULTS = {
    "a word in place of a fault": (
        "slow",
        "faults[0]: must be one kind of fault and its keys, as in `slow: {...}`, not 'slow'",
    ),
    "two faults in one": (
        "{slow: {target: database, factor: 2}, drop: {}}",
        "faults[0]: must be one kind of fault and its keys, as in `slow: {...}`, not 2 keys",
    ),
    "no such kind": ("sloww: {}", "faults[0].sloww: unknown kind of fault 'sloww' (did you mean 'slow'?)"),
    "a key that the kind does not have": (
        "slow: {target: database, factor: 2, by: 3s}",
        "faults[0].slow: unknown key 'by' (valid: id, target, targets, at, for, ramp, shape, severity, factor, share)",
    ),
    "a key left out": ("slow: {target: database}", "faults[0].slow: missing key 'factor'"),
    "no such service": (
        "slow: {target: databse, factor: 2}",
        "faults[0].slow.target: unknown service 'databse' (did you mean 'database'?)",
    ),
    "no such replica": (
        'slow: {target: "database[2]", factor: 2}',
        "faults[0].slow.target: the last replica of database is database[1]",
    ),
    "no such operation": (
        "slow: {target: database.selct, factor: 2}",
        "faults[0].slow.target: database has no operation 'selct' (did you mean 'select'?)",
    ),
    "no such caller": (
        "drop: {target: ordr-service -> database}",
        "faults[0].drop.target: unknown service 'ordr-service' (did you mean 'order-service'?)",
    ),
    "no such edge": (
        "drop: {target: payment-service -> cache-service}",
        "faults[0].drop.target: payment-service does not call cache-service; it calls database",
    ),
    "an edge of one that calls nobody": (
        "drop: {target: database -> cache-service}",
        "faults[0].drop.target: database does not call cache-service; it calls nothing",
    ),
    "a replica's operation": (
        "slow: {target: 'database[0].select', factor: 2}",
        "faults[0].slow.target: must be a replica or an operation, not both: 'database[0].select'",
    ),
    "an operation's replica": (
        "slow: {target: 'database.select[0]', factor: 2}",
        "faults[0].slow.target: must be a replica or an operation, not both: 'database.select[0]'",
    ),
    "half an edge": (
        "drop: {target: database ->}",
        "faults[0].drop.target: must be service, service[0], service.operation, caller -> callee or users, "
        "not 'database ->'",
    ),
    "a level on which the kind cannot act": (
        "drop: {target: database}",
        "faults[0].drop.target: a drop fault acts on an edge (caller -> callee); database is a service",
    ),
    "users slowed down": (
        "hog_cpu: {target: users}",
        "faults[0].hog_cpu.target: a hog_cpu fault acts on a service or a replica (service[0]); "
        "users is all users (users)",
    ),
    "a surge of what users do not ask for": (
        "surge: {target: database.select, factor: 2}",
        "faults[0].surge.target: users do not ask for database.select; they ask for api-gateway.browse, "
        "api-gateway.product_page, api-gateway.get_user, api-gateway.checkout, api-gateway.order_history",
    ),
    "a pool where there is none": (
        "shrink_pool: {target: api-gateway -> auth-service}",
        "faults[0].shrink_pool.target: api-gateway -> auth-service has no connection pool",
    ),
    "a share above 1": (
        "fail: {target: database, share: 150%}",
        "faults[0].fail.share: must be at most 100%, not 150%",
    ),
    "an error that is not one": (
        "fail: {target: database, share: 1, error: unavailble}",
        "faults[0].fail.error: cannot be 'unavailble' (did you mean 'unavailable'?)",
    ),
    "an error of the caller's own": (
        "fail: {target: database, share: 1, error: circuit_open}",
        "faults[0].fail.error: cannot be 'circuit_open' (valid: connection_reset, overloaded, unavailable, internal, "
        "config_error, database_error, dependency_failed, rate_limited, shed)",
    ),
    "a reset that users would see": (
        "fail: {target: api-gateway.browse, share: 1, error: connection_reset}",
        "faults[0].fail: connection_reset is nothing that users of api-gateway.browse would see; give it an error with "
        "an answer: overloaded, unavailable, internal, config_error, database_error, dependency_failed, rate_limited, "
        "shed",
    ),
    "a release that resets connections of users": (
        "deploy: {target: api-gateway, share: 1, error: connection_reset}",
        "faults[0].deploy: connection_reset is nothing that users of api-gateway would see; give it an error with an "
        "answer: overloaded, unavailable, internal, config_error, database_error, dependency_failed, rate_limited, "
        "shed",
    ),
    "a severity of 0": (
        "slow: {target: database, factor: 2, severity: 0}",
        "faults[0].slow.severity: must be more than 0%, not 0",
    ),
    "an end after that of the recording": (
        "slow: {target: database, factor: 2, at: 90%, for: 90s}",
        "faults[0].slow: acts from 54s to 144s of the incident, which is outside the recording "
        "(lead_in 1m, duration 1m, recovery 1m)",
    ),
    "a beginning before that of the recording": (
        "slow: {target: database, factor: 2, at: -61s}",
        "faults[0].slow: acts from -61s to -1s of the incident, which is outside the recording "
        "(lead_in 1m, duration 1m, recovery 1m)",
    ),
    "no targets": (
        "slow: {targets: [], factor: 2}",
        "faults[0].slow.targets: must be a list of targets, not an empty list",
    ),
    "a hold without a canary": (
        "deploy: {target: database, hold: 5s}",
        "faults[0].deploy: hold is the time at its canary: add a canary, or leave hold out",
    ),
    "a canary larger than the service": (
        "deploy: {target: database, canary: 50}",
        "faults[0].deploy: its canary is 50 replicas, but database has 2 replicas",
    ),
    "a shape that is never more than nothing": (
        "slow: {target: database, factor: 2, shape: {steps: [0%, 0%]}}",
        "faults[0].slow.shape.steps: needs a level above 0%: otherwise it does nothing",
    ),
    "a window of no length": (
        "slow: {target: database, factor: 2, for: 0%}",
        "faults[0].slow.for: must be longer than 0",
    ),
    "a ramp longer than the window": (
        "slow: {target: database, factor: 2, for: 10s, ramp: 11s}",
        "faults[0].slow.ramp: must be at most the 10s for which the fault acts, not 11s",
    ),
    "a negative ramp": (
        "slow: {target: database, factor: 2, ramp: -1s}",
        "faults[0].slow.ramp: must be at least 0, not -1s",
    ),
    "a time without a unit": (
        "slow: {target: database, factor: 2, at: 5}",
        "faults[0].slow.at: needs a unit, as in 5ms or 5s",
    ),
    "an absurd time": (
        "slow: {target: database, factor: 2, at: 1e300s}",
        "faults[0].slow.at: must be at most 10000% or 8784h, not 1e300s",
    ),
    "a list of times": (
        "slow: {target: database, factor: 2, at: [1s, 2s]}",
        "faults[0].slow.at: must be a time, as in 30s, or a share of the incident, as in 50%, not a list",
    ),
}


@pytest.mark.parametrize(("fault", "complaint"), BAD_FAULTS.values(), ids=list(BAD_FAULTS))
def test_a_bad_fault_is_refused_with_its_line_its_key_and_what_would_be_right(fault, complaint):
    assert complaints(with_fault(fault)) == [f"my.yaml:2: {complaint}"]


def test_default_ids_count_faults_before_background_so_that_what_happens_besides_renames_no_fault():
    text = "name: x\nbackground: [job: {target: database}]\nfaults: [job: {target: cache-service}]"
    scenario = read(text)
    assert [fault.id for fault in (*scenario.faults, *scenario.background)] == ["job-1", "job-2"]


def test_a_fault_and_something_in_the_background_may_not_have_one_id():
    text = "name: x\nfaults: [stop: {target: database, id: a}]\nbackground:\n  - job: {target: database, id: a}"
    assert complaints(text) == ["my.yaml:4: background[0].job.id: the fault on line 2 is also called 'a'"]


def test_severity_scales_faults_and_not_the_background():
    text = "name: x\nfaults: [stop: {target: database}]\nbackground: [job: {target: database}]"
    scenario = read(text, severity=0.5)
    assert [fault.severity for fault in (*scenario.faults, *scenario.background)] == [0.5, 1.0]


def test_a_text_may_play_on_a_mesh_that_was_read_before_whatever_it_names_itself():
    mesh = topology_loader.parse(
        "name: one\nservices: {a: {operations: {x: {}}}}\nworkload: {mix: {a.x: 1}}", "one.yaml"
    )
    loaded = parse("name: x\ntopology: gone.yaml\nfaults: [stop: {target: a}]", "my.yaml", mesh=mesh)
    assert loaded.topology is mesh.topology
    with pytest.raises(DocumentError, match="unknown service 'database'"):
        parse("name: x\nfaults: [stop: {target: database}]", "my.yaml", mesh=mesh)


@pytest.mark.parametrize("others", ["", "\n  - stop: {target: database}"])
def test_two_faults_may_not_have_one_id(others):
    text = "name: x\nfaults:\n  - slow: {target: database, factor: 2, id: a}\n  - stop: {target: database, id: a}"
    assert complaints(text + others) == ["my.yaml:4: faults[1].stop.id: the fault on line 3 is also called 'a'"]


def test_two_faults_of_one_line_may_not_have_one_id_either():
    text = with_fault("stop: {target: database, id: a}, stop: {target: cache-service, id: a}")
    assert complaints(text) == ["my.yaml:2: faults[1].stop.id: the fault on line 2 is also called 'a'"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "my.yaml:1: is empty"),
        ("name: [x", "my.yaml:1: is not YAML"),
        ("name: x\x00", "my.yaml:1: is not YAML: character '\\x00' is not allowed"),
        ("name: !!python/object/apply:os.system [echo]", "my.yaml:1: name: tag"),
        ("name: x\n---\nname: y", "my.yaml:2: starts a second document"),
        ("a: &a [*a]", "my.yaml:1: alias *a contains itself"),
        ("faults: " + "[" * 100 + "]" * 100, "my.yaml:1: nests deeper than 50 levels"),
        (
            "a0: &a0 [x]\n" + "\n".join(f"a{i + 1}: &a{i + 1} [{', '.join([f'*a{i}'] * 9)}]" for i in range(9)),
            "has more than 200000 values, counting those that aliases repeat",
        ),
    ],
    ids=["nothing", "no YAML", "a control character", "a tag", "two documents", "a ring", "a tower", "a bomb"],
)
def test_what_is_no_document_is_refused(text, complaint):
    assert any(complaint in line for line in complaints(text))


def test_all_problems_of_scenario_and_topology_are_told_at_once(tmp_path):
    mesh = tmp_path / "mesh.yaml"
    mesh.write_text("name: tiny\nservices: {a: {operations: {x: {wrk: 1ms}}}}\nworkload: {mix: {b.x: 1}}\n")
    text = "name: x\ntopology: mesh.yaml\ncolour: red\nfaults:\n  - slow: {factor: 0.5}\n  - fall: {}\n"
    with pytest.raises(DocumentError) as refused:
        parse(text, "my.yaml", folder=tmp_path)
    assert [
        (problem.file, problem.line) for problem in sorted(refused.value.problems, key=lambda p: (p.file, p.line))
    ] == [
        (str(mesh), 2),
        (str(mesh), 3),
        ("my.yaml", 3),
        ("my.yaml", 5),
        ("my.yaml", 5),
        ("my.yaml", 6),
    ]


def test_a_scenario_without_a_usable_mesh_gets_no_complaints_about_targets():
    text = "name: x\ntopology: nowhere\nfaults: [slow: {target: anything, factor: 2}]"
    assert [line.split(":")[1] for line in complaints(text)] == ["2"]


def test_a_topology_with_a_name_that_no_file_can_have_is_refused():
    (complaint,) = complaints(f"name: x\ntopology: {'y' * 5000}")
    assert complaint.startswith("my.yaml:2: topology: 'yyyy") and len(complaint) < 400


def test_a_fault_whose_window_no_longer_fits_the_duration_asked_for_is_refused():
    text = with_fault("slow: {target: database, factor: 2, at: 50%, for: 20s}")
    assert read(text, recovery=0).length == 120
    assert complaints(text, recovery=0, duration=30) == [
        "my.yaml:2: faults[0].slow: acts from 15s to 35s of the incident, which is outside the recording "
        "(lead_in 1m, duration 30s, recovery 0s)"
    ]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("duration", 0, "duration must be more than 0 and at most"),
        ("duration", float("nan"), "duration must be"),
        ("lead_in", -1, "lead_in must be at least 0"),
        ("recovery", float("inf"), "recovery must be"),
        ("rate", 0, "rate must be more than 0"),
        ("severity", 1.1, "severity must be more than 0 and at most 1, not 1.1"),
        ("confounders", "few", r"confounders cannot be 'few' \(valid: none, some, many, loud\)"),
    ],
)
def test_an_option_out_of_its_bounds_is_refused(name, value, message):
    with pytest.raises(ValueError, match=message):
        Options(**{name: value})


@pytest.mark.parametrize(("text", "complaint"), BAD_FILES.values(), ids=list(BAD_FILES))
def test_on_the_command_line_a_bad_file_is_told_in_a_line_and_ends_with_status_2(
    text, complaint, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.yaml").write_text(text)
    result = CliRunner().invoke(main, ["scenario", "my.yaml", "--output", str(tmp_path / "out")])
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"{complaint}\n")
    assert not (tmp_path / "out").exists()


def test_a_mesh_is_looked_at_at_the_rate_that_is_played():
    """A shipped mesh is odd on purpose, but it isn't made for every rate."""
    overloaded = "services.database: overloaded even when healthy: 4200/s need 310% of its cores"
    told = [str(problem) for problem in parse("name: x", "my.yaml", Options(rate=5000)).warnings]
    assert [text for text in told if text.endswith(overloaded)]
    assert not [text for text in told if "work that nobody waits for" in text]
    assert parse("name: x", "my.yaml", Options(rate=20)).warnings == parse("name: x", "my.yaml").warnings == ()
    assert len(parse("name: x\nrate: 5000/s", "my.yaml").warnings) == len(told)


@pytest.mark.parametrize("kind", [word for word, kind in fault_kinds().items() if not kind.ramps])
def test_a_ramp_of_what_has_none_is_a_warning(kind):
    aside = {"restart": '"database[0]"', "flush": "cache-service", "reset": "order-service -> database"}
    keys = {"flip": "database, set: {queue: 9}", "scale": "database, to: 2"}
    target = (aside | keys).get(kind, "database")
    loaded = parse(f"name: x\nfaults:\n  - {kind}: {{target: {target}, ramp: 10s}}\n", "my.yaml")
    assert [str(problem) for problem in loaded.warnings] == [
        f"my.yaml:3: warning: faults[0].{kind}.ramp: a {kind} fault has no ramp: it acts in full from its start"
    ]
    assert not parse(f"name: x\nfaults:\n  - {kind}: {{target: {target}, ramp: 0s}}\n", "my.yaml").warnings


@pytest.mark.parametrize("kind", ["configure", "deploy", "restart"])
def test_a_length_of_what_has_none_is_a_warning(kind):
    target = '"database[0]"' if kind == "restart" else "database"
    loaded = parse(f"name: x\nfaults:\n  - {kind}: {{target: {target}, for: 10s}}\n", "my.yaml")
    assert [str(problem) for problem in loaded.warnings] == [
        f"my.yaml:3: warning: faults[0].{kind}.for: a {kind} fault has no length: it acts until done, or permanently"
    ]
    assert not parse(f"name: x\nfaults:\n  - {kind}: {{target: {target}, for: 100%}}\n", "my.yaml").warnings


def test_who_leaves_the_kind_to_the_seed_is_not_warned_of_times_that_it_does_not_have():
    text = "name: x\nfaults:\n  - any: {of: [deploy], target: database, for: 50%, ramp: 5s}\n"
    assert not parse(text, "my.yaml").warnings


def test_what_has_no_length_must_only_begin_inside_the_recording():
    assert read(with_fault("deploy: {target: database, at: 119s}")).faults
    assert complaints(with_fault("deploy: {target: database, at: 120s}")) == [
        "my.yaml:2: faults[0].deploy: begins at 2m of the incident, which is outside the recording "
        "(lead_in 1m, duration 1m, recovery 1m)"
    ]


# -- arbitrary content -----------------------------------------------------------------------------------------------

TIMES = st.sampled_from(["60s", "10%", "-5s", "1e308s", "1e308%", "2", "0.5", "5/s", "none", ""])
NAMES = st.sampled_from(["users", "database", "database[0]", "database.select", "order-service -> database", "->"])
OPEN = st.sampled_from(["any", "of", "1..9", "1s..2s", "9..1", "10%..50%", "..", "1s..5%"])
WORDS = st.sampled_from([*keys_of(Scenario), *keys_of(Slow), *fault_kinds()]) | TIMES | NAMES | OPEN
VALUES = st.recursive(
    WORDS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=20,
)
KEYS = st.dictionaries(WORDS, WORDS | st.lists(WORDS, max_size=2))
FAULTS = st.lists(st.dictionaries(st.sampled_from([*fault_kinds(), "any"]), KEYS, max_size=2))


def flow(value):
    """Return a value as YAML in flow style."""
    if isinstance(value, list):
        return f"[{', '.join(map(flow, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{flow(key)}: {flow(each)}' for key, each in value.items())}}}"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


@settings(max_examples=200)
@given(st.text() | st.builds(flow, VALUES) | st.builds(flow, st.fixed_dictionaries({"name": WORDS, "faults": FAULTS})))
@example("name: x\nfaults: [slow: {target: database, factor: 2, at: 1e308s, for: 1e308s}]")
@example("name: x\nfaults: [slow: {target: database, factor: 2, at: 1e308%, for: 1e308%}]")
@example("? [a]\n: b")
@example("topology: /")
@example("name: " + "9" * 5000)
def test_no_text_makes_anything_but_a_scenario_or_a_list_of_problems(text):
    try:
        loaded = parse(text, "my.yaml", Options(confounders="none"))
    except DocumentError as error:
        assert error.problems
        assert all(problem.file == "my.yaml" and problem.line >= 1 for problem in error.problems)
    else:
        windows = [loaded.scenario.window(fault) for fault in loaded.scenario.faults]
        assert all(0 <= window.start < window.end <= loaded.scenario.length for window in windows)


def test_a_canary_of_a_service_that_is_not_there_is_told_as_any_such_target():
    with pytest.raises(DocumentError, match=r"faults\[0\]\.deploy\.target: unknown service 'nowhere'"):
        parse(with_fault("deploy: {target: nowhere, canary: 1}"), "s.yaml")
