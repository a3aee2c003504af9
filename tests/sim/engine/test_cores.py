"""Work shares the cores of a replica as whole cores, equally, or up to a quota, and no CPU second is lost."""

import numpy as np
import pytest
from scipy import stats
from stage import Stage, drain, play, take_rows, topology_of, unfold

from meshquake.faults.fault import Target, Window
from meshquake.faults.kinds.pause import Pause
from meshquake.faults.kinds.throttle import Throttle
from meshquake.faults.scenario import Scenario
from meshquake.sim.engine.tape import WORK
from meshquake.sim.mesh import Mesh
from meshquake.sim.simulation import Simulation
from meshquake.topology.problems import DocumentError

S = Target("service", "s")
SCENARIO = Scenario("short", lead_in=0.0, duration=5.0, recovery=0.0)
#: Work of 10 ms on average: constant, exponential, or mostly short but sometimes long (CV^2 = 11).
SHAPES = {
    "constant": "10ms",
    "exponential": "{exponential: 10ms}",
    "hyperexponential": "{mixture: [{weight: 9, exponential: 2.5ms}, {weight: 1, exponential: 77.5ms}]}",
}


def station(cpu, work, rate="80/s", workers=1000):
    """Return a service alone, with enough workers and no probes."""
    return f"""
name: station
services:
  s: {{workers: {workers}, queue: 9999, cpu: {cpu}, readiness: {{period: 600s}}, operations: {{do: {{work: {work}}}}}}}
workload: {{rate: {rate}, mix: {{s.do: 1}}}}
"""


def sojourns(text, seed, requests=6000):
    """Return the mean time of the requests of a run, without the first tenth."""
    rows = np.sort(play(topology_of(text), seed, requests), order="arrived")[requests // 10 :]
    return (rows["finished"] - rows["arrived"]).mean()


# -- fair -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_the_mean_sojourn_under_processor_sharing_does_not_depend_on_the_shape_of_work(shape):
    """M/G/1-PS: S / (1 - load) = 20 ms at a load of .5, where first come first served takes 15, 20 and 71 ms."""
    means = [sojourns(station("{limit: 1, scheduling: fair}", SHAPES[shape], "50/s"), seed) for seed in range(8)]
    half = stats.t.ppf(0.9995, 7) * stats.sem(means)
    assert half < 0.004
    assert abs(np.mean(means) - 0.01 / (1 - 0.5)) < half


def test_work_that_shares_two_cores_has_one_each_and_then_two_thirds():
    """Three pieces of 30 ms on two cores: the first runs 10 ms alone, then two run, then three, then fewer again."""
    stage = Stage(station("{limit: 2, scheduling: fair}", "30ms"))
    stage.request(0, 10, 20)
    # From 20 ms on each of the three gets 2/3: the first has 10 ms left, the second 20, the third 30.
    assert stage.play() == ["0-35 s: success", "10-45 s: success", "20-55 s: success"]


def test_work_between_calls_shares_the_cores_too():
    stage = Stage("""
name: between
services: {s: {cpu: {limit: 1, scheduling: fair}, operations: {do: {work: 10ms, calls: [work: 10ms]}}}}
workload: {rate: 1/s, mix: {s.do: 1}}
""")
    stage.request(0, 15)
    # From 15 ms on two share the core: the first has 5 ms left, the other 20.
    assert stage.play() == ["0-25 s: success", "15-40 s: success"]


# -- quota ----------------------------------------------------------------------------------------------------------


def phased(stage):
    """Return the start of the only replica's first period at or after 0 (milliseconds)."""
    (replica,) = stage.mesh.replicas
    return 1000 * replica.cores._phase


def test_a_process_that_has_used_up_its_quota_waits_for_the_next_period():
    """A limit of 200m is 20 ms of every 100 ms: four requests of 5 ms fit, the fifth waits for the next period."""
    stage = Stage(station("200m", "5ms"))
    begin = phased(stage)
    stage.request(*(begin + 10 * number for number in range(1, 6)))
    ends = [float(line.split()[0].split("-")[1]) - begin for line in stage.play()]
    assert ends == pytest.approx([15, 25, 35, 45, 105], abs=1e-3)


def test_each_seed_draws_its_own_phases_of_periods():
    """Otherwise no ensemble would average over them."""
    phases = {phased(Stage(station("200m", "5ms"), seed)) for seed in range(20)}
    assert len(phases) == 20 and min(phases) < 20 and max(phases) > 80


def test_threads_of_one_process_use_up_its_quota_at_once_and_all_stand_still():
    """Four requests of 10 ms on four cores get 5 ms each from a quota of 20 ms, and the rest in the next period."""
    mesh = Mesh(topology_of(station("200m", "10ms")), 1, end=0.0)
    (replica,) = mesh.replicas
    begin = replica.cores._phase
    for number in range(4):
        mesh.env.call_at(begin + 0.01, lambda number: mesh.engine.enter(mesh.roots[0], number), number)
    mesh.env.advance(begin + 1)
    assert take_rows(mesh)["finished"] - begin == pytest.approx([0.105] * 4)
    assert replica.throttled_time(mesh.now) == pytest.approx(0.085)
    assert replica.core_time(mesh.now) == pytest.approx(0.04)


@pytest.mark.parametrize("cpu", ["2", "{limit: 2, scheduling: fair}", "{limit: 2, scheduling: quota, machine: 4}"])
@pytest.mark.parametrize("fault", [None, Throttle(target=S, to=0.3), Pause(target=S, length=0.3, every=1.0)])
def test_the_cpu_seconds_used_are_the_work_that_was_done(cpu, fault):
    mesh = Mesh(topology_of(station(cpu, "{exponential: 10ms}", "150/s", workers=16)), 1, end=6.0)
    if fault is not None:
        mesh.env.process(unfold(mesh, fault, Window(1, 1, 4)))
    mesh.env.advance(6)
    drain(mesh)
    rows = take_rows(mesh)
    work = sum(mesh.roots[0].tape.draws(int(number))[WORK] for number in rows["number"])
    (replica,) = mesh.replicas
    assert len(rows) > 800
    assert replica.core_time(mesh.now) == pytest.approx(work, abs=1e-6)


def test_no_period_uses_more_than_its_quota_and_a_busy_one_uses_all_of_it():
    mesh = Mesh(topology_of(station("0.5", "{exponential: 10ms}", "70/s")), 1, end=20.0)
    (replica,) = mesh.replicas
    used = []
    mesh.env.advance(replica.cores._phase)
    for number in range(1, 190):
        before = replica.core_time(mesh.now)
        mesh.env.advance(replica.cores._phase + number * 0.1)
        used.append(replica.core_time(mesh.now) - before)
    assert max(used) <= 0.05 + 1e-9
    assert np.median(used[100:]) == pytest.approx(0.05)


def test_looking_at_the_clock_of_shared_cores_changes_no_row():
    def rows(looks):
        mesh = Mesh(topology_of(station("0.5", "{exponential: 10ms}", "40/s")), 1, end=5.0)
        for look in range(1, looks):
            mesh.env.advance(5.0 * look / looks)
            mesh.replicas[0].core_time(mesh.now), mesh.replicas[0].throttled_time(mesh.now)
        mesh.env.advance(5.0)
        drain(mesh)
        return take_rows(mesh).tobytes()

    assert rows(1) == rows(977)


# -- pauses and throttling ------------------------------------------------------------------------------------------


def test_work_on_whole_cores_stands_still_in_a_pause_and_goes_on_where_it_stood():
    """When a pause of 50 ms begins, one request runs and one waits for the core; a third arrives during the pause."""
    stage = Stage(station("1", "20ms"))
    stage.fault(Pause(id="gc", target=S, length=0.05, every=10.0), 10, 5000)
    stage.request(0, 5, 30)
    assert stage.play() == ["0-70 s: success", "5-90 s: success", "30-110 s: success"]


def test_a_throttled_service_is_slow_only_once_its_quota_is_used_up():
    """1.25% of the 1.6 s that 16 cores can work in 100 ms are 20 ms."""
    stage = Stage(station("16", "15ms"))
    stage.fault(Throttle(id="cut", target=S, to=0.0125), 1000, 3000)
    stage.request(990, 1500, 1700, 1701)
    ends = [float(line.split()[0].split("-")[1]) for line in stage.play()]
    assert ends[:2] == [1005, 1515]
    assert max(ends[2:]) > 1717


def test_only_cores_with_a_quota_have_the_metric_of_how_long_they_stand_still():
    def shares(cpu):
        simulation = Simulation(SCENARIO, topology_of(station(cpu, "5ms", "60/s")))
        metrics = [batch.metrics for batch in simulation.batches()]
        return [
            value
            for frame in metrics
            for value in frame.filter((frame["metric"] == "cpu_throttled") & (frame["replica"] == "s-0"))["value"]
        ]

    assert shares("1") == []
    short = shares("200m")
    assert len(short) == 5 and all(0 <= share <= 100 for share in short) and max(short) > 50


def test_first_come_first_served_needs_whole_cores():
    with pytest.raises(DocumentError, match=r"services\.s\.cpu: fifo needs whole cores, not 0\.3"):
        topology_of(station("{limit: 0.3, scheduling: fifo}", "5ms"))


@pytest.mark.parametrize(
    ("cpu", "cores", "scheduled"), [("200m", 0.2, "quota"), ("0.3", 0.3, "quota"), ("2", 2, "fifo")]
)
def test_a_limit_as_kubernetes_writes_it_is_a_quota_unless_it_is_of_whole_cores(cpu, cores, scheduled):
    (service,) = topology_of(station(cpu, "5ms")).services
    assert (service.cores, service.scheduled) == (cores, scheduled)
