"""The environment of a topology file: how it is read, what is refused, and what is warned of."""

from dataclasses import replace

import editor
import numpy as np
import pytest
from stage import topology_of

from meshquake.exporters.blocks import Facts
from meshquake.exporters.reports import outline
from meshquake.topology.binder import keys_of
from meshquake.topology.environment import CALM, Environment
from meshquake.topology.environment.connections import Churn
from meshquake.topology.environment.deploys import Deploys
from meshquake.topology.environment.errors import BaseErrors
from meshquake.topology.environment.fluctuation import Fluctuation
from meshquake.topology.environment.jobs import JOBS, USUAL, Job
from meshquake.topology.environment.load import NOTHING, AmbientLoad
from meshquake.topology.environment.memory import Aging
from meshquake.topology.environment.slow_mode import SlowMode
from meshquake.topology.estimates import offered_load, response_times
from meshquake.topology.loader import parse
from meshquake.topology.problems import DocumentError
from meshquake.topology.review import remarks
from meshquake.topology.schema import topology_schema

MESH = """
name: shop
services:
  web: {kind: gateway, cpu: 1, operations: {home: {work: 20ms, calls: [db.read, cache.get]}}}
  db: {kind: database, operations: {read: {work: 4ms}}}
  cache: {kind: cache, operations: {get: {work: 1ms}}}
workload: {rate: 30/s, mix: {web.home: 1}}
"""
LAYERED = "{errors: {share: 0.1%, cache: none, db: 1%}, slow_mode: {database: {share: 1%, varies: 30%}}}"


def environment(text):
    return topology_of(f"{MESH}environment: {text}\n").environment


def test_a_mesh_without_an_environment_is_calm():
    assert topology_of(MESH).environment == CALM == environment("{}")
    lively = topology_of(f"{MESH}environment: {{users: 20%}}\n")
    assert lively.environment != CALM
    assert lively.calm() == topology_of(MESH)


@pytest.mark.parametrize("word", [*keys_of(Environment)])
def test_each_part_of_an_environment_and_the_whole_can_be_none(word):
    """An editor accepts it too; so a part can be switched off without taking its key out of a file."""
    text = f"{MESH}environment: {{{word}: none}}\n"
    assert topology_of(text).environment == CALM == topology_of(f"{MESH}environment: none\n").environment
    assert not editor.complaints(topology_schema(), text)
    assert not editor.complaints(topology_schema(), f"{MESH}environment: none\n")


@pytest.mark.parametrize(
    ("text", "users"),
    [
        ("20%", (Fluctuation(0.2),)),
        ("{cv: 0.3, over: 10m}", (Fluctuation(0.3, 600.0),)),
        ("[10%, {cv: 20%, over: 1h}]", (Fluctuation(0.1), Fluctuation(0.2, 3600.0))),
    ],
)
def test_users_come_and_go_on_one_time_scale_or_on_several(text, users):
    assert environment(f"{{users: {text}}}").users == users


def test_what_else_services_do_is_said_of_all_of_a_kind_or_of_one():
    said = environment("{load: {cores: 30%, workers: 10%, over: 1m, cache: {cores: 20%}, db: none}}")
    load = AmbientLoad(0.3, 0.1, over=60.0)
    assert said.load == (("web", load), ("cache", replace(load, cores=0.2)))
    assert said.load_of("db") == NOTHING and environment("{load: 40%}").load_of("db") == AmbientLoad(0.4)
    assert not environment("{load: {cores: 0%, workers: 0%}}").load


def test_what_is_left_beside_it_is_what_requests_load():
    """A core at 60%, with 30% taken by other load: 6/7 of the rest, and own work takes 10/7 as long."""
    alone, beside = topology_of(MESH), topology_of(f"{MESH}environment: {{load: {{cores: 30%, workers: 25%}}}}\n")
    assert offered_load(alone)["web"].cores == pytest.approx(0.6, rel=0.01)
    assert offered_load(beside)["web"].cores == pytest.approx(0.6 / 0.7, rel=0.01)
    longer = {name: times.mean() / response_times(alone)[name].mean() for name, times in response_times(beside).items()}
    assert longer["db.read"] == pytest.approx(10 / 7) and 1.3 < longer["web.home"] < 10 / 7
    held = [offered_load(each)["db"].workers for each in (alone, beside)]
    assert held[1] == pytest.approx(held[0] * 10 / 7 / 0.75, rel=0.01)
    assert "the service's other work leaves free" in str(outline.blocks(beside))


def test_no_more_is_to_be_had_of_a_service_than_is_left_and_an_autoscaler_knows_no_difference():
    def told(load, web):
        text = MESH.replace("cpu: 1", web)
        found = remarks(parse(f"{text}environment: {load}\n", "mesh.yaml"))
        return [str(each).partition("warning: ")[2] for each in found]

    assert told("{load: 30%}", "cpu: 1") == ["services.web: little headroom: 30/s keep 86% of its cores busy"]
    assert told("{load: {web: {cores: 30%}}}", "cpu: 1, autoscale: {maximum: 9, cpu: 30%}") == [
        "services.web.autoscale: never stops asking for replicas: what else web does takes 30% of the cores of each, "
        "but its target is 30%"
    ]
    assert told("{load: {web: {cores: 30%}}}", "cpu: 1, autoscale: {maximum: 2, cpu: 50%}") == [
        "services.web.autoscale: its target asks for 3 replicas at the usual load, but its maximum is 2"
    ]


def test_estimates_know_what_jobs_take_on_average():
    """Two jobs at 60% of the cores for a third of the time leave 64%, and ambient load of half of that, 32%."""
    jobs = (
        "[{name: a, on: db, every: 30s, takes: 10s, cores: 60%}, {name: b, on: db, every: 3m, takes: 1m, cores: 60%}]"
    )
    alone, beside = (
        topology_of(MESH),
        topology_of(f"{MESH}environment: {{jobs: {jobs}, load: {{cores: 0%, db: {{cores: 50%}}}}}}\n"),
    )
    cores = [{name: load.cores for name, load in offered_load(each).items()} for each in (alone, beside)]
    assert cores[1]["db"] == pytest.approx(cores[0]["db"] / 0.32)
    assert cores[1]["web"] == cores[0]["web"]
    times = [response_times(each)["db.read"].mean() for each in (alone, beside)]
    assert times[1] == pytest.approx(times[0] / 0.32)


def test_jobs_are_named_or_described_and_processes_and_connections_age_by_service():
    said = environment("{jobs: [usual, {name: settle, on: db, every: 10m, takes: 30s}], memory: {}, connections: 10m}")
    assert said.jobs == (Job("usual"), Job("settle", on="db", every=600.0, takes=30.0))
    assert said.memory == tuple((name, Aging()) for name in ("web", "db", "cache"))
    assert dict(said.connections)["db"] == Churn(600.0)
    assert [job.name for job in said.jobs_of("cache", "cache")] == ["snapshot", "eviction", "log-rotation"]
    assert environment("{jobs: backup}").jobs == (Job("backup"),)
    assert environment("{deploys: 30m}").deploys == Deploys(1800.0)
    assert environment("{deploys: none}").deploys is None
    growing = environment("{memory: {growth: 3%, db: {growth: 0%}, cache: {ends: oom}}}").memory
    assert growing == (("web", Aging(0.03)), ("cache", Aging(0.03, ends="oom")))


UNSEEN = (
    "connection_reset is nothing that users of web would see; give it an error with an answer: overloaded, "
    "unavailable, internal, config_error, database_error, dependency_failed, rate_limited, shed"
)
REFUSED = {
    "{jobs: tidy}": ".jobs: needs every and takes too, unless its name is that of a common job "
    f"(valid: {', '.join([USUAL, *JOBS])})",
    "{jobs: [usual, {name: tidy, takes: 1s}]}": ".jobs[1]: needs every too, unless its name is that of a common "
    f"job (valid: {', '.join([USUAL, *JOBS])})",
    "{jobs: usuall}": ".jobs: needs every and takes too, unless its name is that of a common job (did you mean "
    "'usual'?)",
    "{jobs: {name: backup, takes: 20h}}": ".jobs: must take at most half of the time between runs, but backup takes "
    "20h of every 24h",
    "{jobs: {name: usual, every: 30s, on: db}}": ".jobs: must take at most half of the time between runs, but "
    "checkpoint takes 20s of every 30s, compaction takes 20s of every 30s, backup takes 15m of every 30s and report "
    "takes 20s of every 30s",
    "{users: [none]}": ".users[0]: must be a ratio such as 40% or 0.4, not 'none'",
    "{jobs: [{name: backup, on: dbb}]}": ".jobs[0].on: 'dbb' is neither a kind of service nor a service (did you mean "
    "'db'?)",
    "{memory: {ends: restarts}}": ".memory.ends: cannot be 'restarts' (did you mean 'restart'?)",
    "{connections: 0.5s}": ".connections: must be at least 1s, not 0.5s",
    "{load: {cores: 90%}}": ".load.cores: must be at most 80%, not 90%",
    "{load: {core: 20%}}": ".load: unknown key 'core' (did you mean 'cores'?)",
    "{load: {cv: 40%, over: 5s}}": ".load: cv can be at most 21%, not 40%: what lasts 5s averages out over five "
    "minutes (a longer over allows more)",
    "{errors: {databse: 1%}}": ".errors: unknown key 'databse' (did you mean 'database'?)",
    "{errors: {db: {share: 60%}}}": ".errors.db.share: must be at most 50%, not 60%",
    "{errors: {db: {error: internl}}}": ".errors.db.error: cannot be 'internl' (did you mean 'internal'?)",
    "{errors: {db: {error: circuit_open}}}": ".errors.db.error: cannot be 'circuit_open' (valid: connection_reset, "
    "overloaded, unavailable, internal, config_error, database_error, dependency_failed, rate_limited, shed)",
    "{errors: {db: {error: connection_refused}}}": ".errors.db.error: cannot be 'connection_refused' (did you mean "
    "'connection_reset'?)",
    "{errors: {web: {share: 1%, error: connection_reset}}}": ".errors.web.error: " + UNSEEN,
    "{errors: {share: 1%, error: connection_reset}}": ".errors.error: " + UNSEEN,
    "{errors: {varies: {cv: 40%, over: 5s}, web: 1%, service: 2%}}": ".errors: cv can be at most 21%, not 40%: what "
    "lasts 5s averages out over five minutes (a longer over allows more)",
    "{slow_mode: {share: 1%, web: {varies: {cv: 50%, over: 2s}}}}": ".slow_mode.web: cv can be at most 13%, not 50%: "
    "what lasts 2s averages out over five minutes (a longer over allows more)",
    "[20%]": ": must be a block of keys, not a list",
    "{user: 20%}": ": unknown key 'user' (did you mean 'users'?)",
    "{users: {over: 3m}}": ".users: missing key 'cv'",
    "{users: 0%}": ".users: must be more than 0%, not 0%",
    "{users: {cv: 20%, over: 0.5s}}": ".users.over: must be at least 1s, not 0.5s",
    "{users: [10%, {cv: 40%, over: 2s}]}": ".users[1]: cv can be at most 13%, not 40%: what lasts 2s averages out "
    "over five minutes (a longer over allows more)",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_refused_is_told_with_its_place(text):
    with pytest.raises(DocumentError) as caught:
        environment(text)
    assert [str(problem) for problem in caught.value.problems] == [f"mesh.yaml:8: environment{REFUSED[text]}"]


def test_what_is_said_of_a_service_lies_over_what_is_said_of_its_kind_and_that_over_what_is_said_of_all():
    told = environment("{errors: {share: 1%, database: {share: 2%, error: internal}, cache: none, db: 3%}}").errors
    assert told == (("web", BaseErrors(0.01)), ("db", BaseErrors(0.03, "internal")))
    assert environment("{errors: 1%}").errors == tuple((name, BaseErrors(0.01)) for name in ("web", "db", "cache"))
    assert environment("{errors: {web: {error: internal}}}").errors == ()


def test_stalls_take_as_long_as_fits_the_kind_of_service_unless_the_file_says_how_long():
    modes = dict(environment("{slow_mode: {share: 2%, db: {at: 70ms, varies: none}}}").slow_mode)
    kinds = {"web": "gateway", "db": "database", "cache": "cache"}
    assert {name: mode.stall(kinds[name]).median for name, mode in modes.items()} == {
        "web": 0.092,
        "db": 0.07,
        "cache": 0.008,
    }
    assert [name for name, mode in modes.items() if mode.varies is None] == ["db"]


def test_estimates_know_that_calls_stall():
    """At the gateway means grow by 2% of 92 ms (times e^(.01 / 2)), and the 99th percentile is in the slow mode."""
    still = topology_of(MESH)
    stalled = topology_of(f"{MESH}environment: {{slow_mode: {{gateway: {{share: 2%, varies: none}}}}}}\n")
    before, after = (response_times(each)["web.home"] for each in (still, stalled))
    assert after.mean() - before.mean() == pytest.approx(0.02 * 0.0925, rel=0.02)
    assert (np.quantile(before, 0.985), np.quantile(after, 0.99)) == pytest.approx((0.027, 0.119), abs=0.005)
    cores = [offered_load(each)["web"].cores for each in (still, stalled)]
    assert cores[1] - cores[0] == pytest.approx(30 * 0.02 * 0.0925, rel=0.01)


def test_stalls_that_vary_cost_more_since_more_calls_stall_when_they_stall_for_longer():
    """The mean square of a log-Gaussian amount is exp(sigma^2), which is 1 + its squared coefficient of variation."""
    steady, varying = SlowMode(0.02, varies=None), SlowMode(0.02, varies=Fluctuation(0.3, 86400.0))
    assert varying.expectation("service") / steady.expectation("service") == pytest.approx(1.09, rel=0.001)
    u = (np.arange(10_000) + 0.5) / 10_000
    assert varying.sample("service", u).mean() == pytest.approx(varying.expectation("service"), rel=0.01)


def test_an_editor_knows_the_environment():
    accepted = {
        text: not editor.complaints(topology_schema(), f"{MESH}environment: {text}\n")
        for text in (
            "{users: [10%, {cv: 20%, over: 1h}]}",
            "{users: 200%}",
            "{users: {over: 3m}}",
            "{jobz: 1}",
            LAYERED,
            "{errors: 60%}",
        )
    }
    assert [text for text, right in accepted.items() if right] == ["{users: [10%, {cv: 20%, over: 1h}]}", LAYERED]


def test_the_highest_number_of_users_is_shown_and_services_without_room_for_it_are_told():
    lively = parse(f"{MESH}environment: {{users: 25%}}\n", "mesh.yaml")
    assert outline.blocks(lively.topology)[-2:] == [
        "At all times, with or without faults:",
        Facts([("users", "vary by 25% over 3m: up to 2.4 times as many as usual")], indent=2),
    ]
    assert [str(each) for each in remarks(lively)] == [
        "mesh.yaml:8: warning: environment.users: web is overloaded 2.3% of the time: it then has 1.8 times its "
        "usual users, who need 110% of it"
    ]
    assert not remarks(parse(f"{MESH}environment: {{users: 10%}}\n", "mesh.yaml"))
