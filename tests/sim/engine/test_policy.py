"""Policy hooks: when each is called in the life of a call, and how its answer affects the others."""

import pytest
from stage import Stage, take_rows

from meshquake.faults.fault import Target
from meshquake.faults.kinds.restart import Restart
from meshquake.faults.kinds.stop import Stop
from meshquake.sim.engine.call import DECIDED
from meshquake.sim.engine.policy import HELD, PASS, CallerPolicy, ServerPolicy, overriding
from meshquake.sim.policies import compose
from meshquake.topology.errors import BY_CODE, CODES
from meshquake.topology.policies import BUILT_IN

TWO = """
name: two
defaults: {{edge: {{latency: 1ms, {edge}}}}}
services:
  web: {{operations: {{home: {{work: 10ms, calls: [db.get]}}}}}}
  db: {{workers: 1, queue: 4, operations: {{get: {{work: 20ms}}}}}}
workload: {{rate: 1/s, mix: {{web.home: 1}}}}
"""


class Told(CallerPolicy):
    """Records what it is told, and answers as the test wants."""

    def __init__(self, says=PASS, allows=True):
        self.says, self.allows, self.log = says, allows, []

    def note(self, hook, now, call):
        result = BY_CODE[call.result]
        self.log.append((hook, round(now * 1000), result.name if result else "success"))

    def admit(self, call, now):
        self.note("admit", now, call)
        call.held = self.says == HELD
        return self.says

    def settle(self, call, now):
        self.note("settle", now, call)

    def cancel(self, call, now):
        self.note("cancel", now, call)
        call.held = False

    def returned(self, call, now):
        self.note("returned", now, call)

    def allows_retry(self, call, now):
        self.note("allows_retry", now, call)
        return self.allows


def staged(monkeypatch, policy, edge=""):
    """Return a stage on which each caller has a policy besides those of the edge."""
    monkeypatch.setitem(compose.CALLER, "told", lambda edge, context: lambda replica, warm: policy)
    return Stage(TWO.format(edge=edge))


def test_a_call_that_goes_well_is_admitted_comes_back_and_is_settled(monkeypatch):
    policy = Told()
    stage = staged(monkeypatch, policy)
    stage.request(0)
    stage.play()
    assert policy.log == [("admit", 10, "success"), ("returned", 32, "success"), ("settle", 32, "success")]


def test_a_refused_call_is_settled_with_its_error_and_never_comes_back(monkeypatch):
    policy = Told(CODES["bulkhead_full"])
    stage = staged(monkeypatch, policy)
    stage.request(0)
    assert stage.play() == ["0-10 web: dependency_failed", "10-10 web>db: bulkhead_full"]
    assert policy.log == [("admit", 10, "success"), ("settle", 10, "bulkhead_full")]


def test_who_times_out_is_cancelled_then_settled_and_comes_back_later(monkeypatch):
    policy = Told()
    stage = staged(monkeypatch, policy, "timeout: 15ms")
    stage.request(0)
    stage.play()
    assert policy.log == [
        ("admit", 10, "success"),
        ("cancel", 25, "success"),
        ("settle", 25, "timeout"),
        ("returned", 32, "timeout"),
    ]


def test_a_policy_that_objects_is_asked_only_where_another_attempt_is_wanted(monkeypatch):
    policy = Told(CODES["overloaded"], allows=False)
    stage = staged(monkeypatch, policy, "retry: {max_attempts: 3, base: 0s}")
    stage.request(0)
    stage.play()
    assert [hook for hook, _, _ in policy.log] == ["admit", "settle", "allows_retry"]


class Stubborn(Told):
    """Always wants another attempt after a failure."""

    def pause(self, call, now):
        return 0.0


def test_a_call_has_at_most_as_many_attempts_as_its_path_has_room_for(monkeypatch):
    policy = Stubborn(CODES["overloaded"])
    stage = staged(monkeypatch, policy)
    stage.request(0)
    stage.mesh.env.advance(10)
    paths = [int(row["attempt_path"]) for row in take_rows(stage.mesh) if row["ended"] >= 0]
    assert paths == list(range(16))


def test_a_policy_that_lets_no_call_pass_and_names_no_error_is_told_so(monkeypatch):
    stage = staged(monkeypatch, Told(99))
    stage.request(0)
    with pytest.raises(ValueError, match="must say PASS or the code of an error, not 99"):
        stage.play()


def test_no_package_may_take_the_name_of_a_policy_of_ours():
    assert set(BUILT_IN) == {*compose.CALLER, *compose.LAST}


class Gate(CallerPolicy):
    """Holds each call for a while."""

    def __init__(self, context, delay):
        self.context, self.delay = context, delay

    def admit(self, call, now):
        call.held = True
        self.context.env.call_at(now + self.delay, self.open, call)
        return HELD

    def open(self, call):
        if call.held:
            call.held = False
            self.context.engine.let_go(call, self)

    def cancel(self, call, now):
        call.held = False


@pytest.mark.parametrize(
    ("edge", "seen"),
    [
        ("", ["0-37 web: success", "10-37 web>db: success", "16-36 db: success"]),
        ("pool: 1", ["0-37 web: success", "10-37 web>db: success", "16-36 db: success"]),
        ("bulkhead: 1", ["0-37 web: success", "10-37 web>db: success", "16-36 db: success"]),
        ("timeout: 3ms", ["0-13 web: dependency_failed", "10-13 web>db: timeout"]),
        ("timeout: 20ms", ["0-30 web: dependency_failed", "10-30 web>db: timeout", "16-36 db: success"]),
    ],
)
def test_a_call_that_is_held_goes_on_past_the_policies_behind_it(monkeypatch, edge, seen):
    row = lambda edge, context: lambda replica, warm: Gate(context, 0.005)  # noqa: E731 - a row is a function
    monkeypatch.setattr(
        compose, "LAST", {"timeout": compose.LAST["timeout"], "gate": row, "pool": compose.LAST["pool"]}
    )
    stage = Stage(TWO.format(edge=edge))
    stage.request(0)
    assert stage.play() == seen
    pool = stage.mesh.services["web"].replicas[0].callers[0].policies.get("pool")
    assert pool is None or pool.in_use == 0


class Closed(ServerPolicy):
    """Rejects every other request, and counts the answers."""

    def __init__(self):
        self.came = self.answered = 0

    def admit(self, call, replica, now):
        self.came += 1
        return PASS if self.came % 2 else CODES["overloaded"]

    def finished(self, call, replica, now):
        self.answered += 1


def test_what_a_server_turns_away_takes_no_worker_and_is_answered_all_the_same(monkeypatch):
    policies = {}

    def row(service, context):
        return (lambda replica: policies.setdefault(service.spec.name, Closed())) if service.spec.name == "db" else None

    monkeypatch.setitem(compose.SERVER, "closed", row)
    stage = Stage(TWO.format(edge=""))
    stage.request(0, 1, 2)
    seen = stage.play()
    assert [line for line in seen if " db: " in line] == [
        "11-31 db: success",
        "12-12 db: overloaded",
        "13-51 db: success (from 31)",
    ]
    assert (policies["db"].came, policies["db"].answered) == (3, 3)


def test_each_request_that_is_over_for_its_user_is_heard_of_once():
    stage = Stage(TWO.format(edge="timeout: 15ms"))
    over = []
    stage.mesh.users[0].root.ingress.on_over = lambda call: over.append((call.number, round(call.finished * 1000)))
    stage.request(0, 5)
    stage.play()
    assert over == [(0, 25), (1, 30)]


@pytest.mark.parametrize(("edge", "deciding"), [("", [1]), ("timeout: 5ms, retry: {max_attempts: 3, base: 0s}", [3])])
def test_the_attempt_that_the_caller_went_on_with_is_marked(edge, deciding):
    stage = Stage(TWO.format(edge=edge))
    stage.request(0)
    stage.mesh.env.advance(10)
    rows = [row for row in take_rows(stage.mesh) if stage.mesh.sites[row["site"]].parent is not None]
    assert [int(row["attempt_path"] & 15) + 1 for row in rows if row["notes"] & DECIDED] == deciding


def test_only_policies_that_override_a_hook_are_asked_at_it():
    told, idle = Told(), CallerPolicy()
    assert overriding([idle, told], "admit") == (told,)
    assert overriding([idle, told], "pause") == ()


def test_a_policy_hears_when_a_process_that_it_calls_ends_whether_it_was_killed_or_restarted(monkeypatch):
    class Hearing(CallerPolicy):
        def __init__(self):
            self.heard = []

        def callee_ended(self, replica, now):
            self.heard.append((replica.name, round(now * 1000), replica.up))

    policy = Hearing()
    stage = staged(monkeypatch, policy)
    stage.fault(Stop(id="stop", target=Target("service", "db")), 1000, 2000)
    stage.fault(Restart(id="restart", target=Target("replica", "db", 0)), 20_000, 21_000)
    stage.fault(Stop(id="other", target=Target("service", "web")), 30_000, 31_000)
    stage.play()
    assert policy.heard == [("db-0", 1000, False), ("db-0", 20_250, False)]
