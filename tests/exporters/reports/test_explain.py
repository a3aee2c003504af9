"""Explanations of an incident and a request: for each scenario, and the errors where there is none."""

import json
import re
from itertools import pairwise
from shutil import copytree

import answer_key
import polars as pl
import pytest
from click.testing import CliRunner
from patience import USUAL, every

from meshquake.commands import tables
from meshquake.commands.main import main
from meshquake.exporters.fixtures import writing
from meshquake.exporters.fixtures.answer_key import GROUND_TRUTH, VERDICTS, TruthError, read_ground_truth, verdicts
from meshquake.exporters.reports import explain
from meshquake.exporters.reports.setting import setting
from meshquake.faults.loader import Options, load, parse, shipped
from meshquake.sim.simulation import Simulation
from meshquake.topology.binder import keys_of
from meshquake.topology.exceptions import MeshquakeError
from meshquake.truth.answer_key import parameters

SHORT = Options(lead_in=4.0, duration=10.0, recovery=4.0)


@pytest.fixture(scope="module", params=every(shipped(), USUAL))
def each(request, tmp_path_factory):
    """Return a short fixture of each scenario."""
    return make(request.param, tmp_path_factory.mktemp("each"))


@pytest.fixture(scope="module")
def outage(tmp_path_factory):
    return make("outage", tmp_path_factory.mktemp("one"))


def make(name, output):
    loaded = load(shipped()[name], SHORT)
    writing.write(Simulation.of(loaded), output / name, lambda batch: None)
    return output / name


def verdicts_of(folder):
    """Return the verdicts on all requests."""
    return pl.concat(verdicts(folder))


def lines_of(folder, *traces):
    """Return an incident, or some of its requests, as lines of text."""
    return tables.lines(explain.requests(folder, traces) if traces else explain.incident(folder))


# -- an incident ------------------------------------------------------------------------------------------------------


def test_of_each_scenario_the_faults_are_told_with_their_root_and_what_users_felt(each):
    lines, truth = lines_of(each), read_ground_truth(each)
    text = "\n".join(lines)
    counts = truth["requests"]
    harmed = {0: "none was", 1: "1 was"}.get(counts["harmed"], f"{counts['harmed']} were")
    assert f"Of {counts['total']} requests, " in lines[0]
    assert (f"{harmed} harmed" in lines[0]) is bool(truth["faults"])
    for fault in truth["faults"]:
        story = text.split(f"\n{fault['id']}: ", 1)[1].split("\n\n")[0]
        assert story.startswith(f"{fault['kind']} on ")
        assert f"root cause  {fault['root_cause']['service']}, {fault['root_cause']['indicator']}" in story
        assert ("did not feel it" in story) is fault["latent"]
        goes_on = fault["end"] == truth["recording"]["end"]
        assert (re.search("acted .* to the end of the recording", story) is not None) is goes_on
        assert len(re.findall(r"\(\d+ requests?\)", story)) == min(len(fault["mechanism"]), 8)
    *_, besides = text.split("\n\n")
    for other in truth["background"]:
        assert f"  {other['start'][11:19]}  {other['kind']} of {other['target']}" in besides.splitlines()
    assert all(len(line) < 250 for line in lines)


def test_nothing_wrong_is_called_so(tmp_path):
    assert lines_of(make("normal", tmp_path))[0].startswith("Nothing was wrong. Of ")


@pytest.fixture
def told(tmp_path):
    """Explain a given key."""

    def tell(content):
        (tmp_path / "traces.ndjson").touch()
        (tmp_path / "truth").mkdir(exist_ok=True)
        (tmp_path / GROUND_TRUTH).write_text(json.dumps(content))
        return lines_of(tmp_path)

    return tell


def one(**changes):
    """Return a fault of `answer_key` without its alerts, since those have no entry."""
    return answer_key.fault(**{"alerts": [], **changes})


def test_of_much_the_largest_steps_and_the_symptoms_are_told_and_what_one_thing_rules_out_is_told_at_once(told):
    """Steps and alerts are still in order of time."""
    step = {"from": "store", "mechanism": "timeout", "evidence": []}
    steps = [{**step, "to": f"svc-{n}", "requests": n, "onset": answer_key.at(60 + n)} for n in range(1, 11)]
    alert = {"service": "store", "indicator": "error_rate", "target": None}
    alerts = [{**alert, "type": "cause", "entry": None, "earliest": answer_key.at(61)} for _ in range(9)] + [
        {**alert, "type": "symptom", "entry": "shop.buy", "earliest": answer_key.at(70)}
    ]
    herring = {"kind": "event", "what": "deployment", "at": answer_key.at(50), "ruled_out_by": "It always happens."}
    herrings = [{**herring, "service": "mail"}, {**herring, "service": "cart", "ruled_out_by": "It was slow."}]
    herrings += [{**herring, "service": "shop"}]
    herrings += [{**herring, "service": name, "kind": "service", "what": "errors"} for name in ("shop", "stock")]
    lines = told(answer_key.truth(one(mechanism=steps, alerts=alerts, red_herrings=herrings)))
    story = [line[14:] for line in lines]
    assert [line.split("(")[1] for line in story if "timeout" in line] == [f"{n} requests)" for n in range(3, 11)]
    assert [line.split()[1] for line in story if "error_rate of" in line] == [*7 * ["cause:"], "symptom:"]
    assert "mail (deployment), shop (deployment): It always happens." in story
    assert story[story.index("cart (deployment): It was slow.") - 1].startswith("mail (deployment), shop")
    loud = [line.partition(" (errors): ")[0] for line in story if "(errors)" in line]
    assert loud == ["shop", "stock"]
    assert story.count("and 2 more") == 2


@pytest.mark.parametrize(
    ("counts", "told_of_them"),
    [
        ((0, 0, 0), "Of 500 requests, none was harmed."),
        ((45, 0, 0), "Of 500 requests, 45 were harmed (9.0%)."),
        ((1, 2, 0), "Of 500 requests, 1 was harmed (0.2%), and 2 were spared."),
        ((50, 1, 1), "Of 500 requests, 50 were harmed (10%), 1 was spared, and 1 was bad with or without the fault."),
    ],
)
def test_what_became_of_all_requests_is_one_sentence(told, counts, told_of_them):
    requests = {"total": 500, **dict(zip(("harmed", "spared", "background"), counts, strict=True))}
    assert told({**answer_key.truth(one()), "requests": requests})[0].endswith(told_of_them)


def test_symptoms_have_their_units_and_no_digits_that_mean_nothing(told):
    peak = {
        "error_rate": {"value": 55.556, "twin": 0.0, "at": answer_key.at(62)},
        "latency_p95": {"value": 17820.8, "twin": 13.424, "at": answer_key.at(62)},
    }
    affected = [{"service": "shop", "onset": answer_key.at(61), "requests": 3, "peak": peak}]
    story = "\n".join(told(answer_key.truth(one(affected=affected))))
    assert "shop: error_rate 0 -> 55.6%, latency_p95 13.4 -> 17,821 ms\n" in story


@pytest.mark.parametrize(
    ("faults", "beginning"),
    [
        ([one()], "One fault, and users felt it. Of"),
        ([one(**answer_key.LATENT)], "One fault, and no user felt it. Of"),
        ([one(**answer_key.LATENT), one(**answer_key.LATENT)], "2 faults, of which users felt none. Of"),
        ([one(), one(**answer_key.LATENT)], "2 faults, of which users felt 1. Of"),
        ([one(), one()], "2 faults, of which users felt all. Of"),
    ],
)
def test_how_many_faults_users_felt_is_said_first(told, faults, beginning):
    assert told(answer_key.truth(*faults))[0].startswith(beginning)


def test_one_request_is_told_as_one(told):
    radius = {"requests": 1, "share": 1.0, "entries": []}
    counts = {"total": 1, "harmed": 1, "spared": 0, "background": 1}
    lines = told({**answer_key.truth(one(blast_radius=radius)), "requests": counts})
    story = "Of 1 request, 1 was harmed (100%), and 1 was bad with or without the fault."
    assert lines[0] == f"One fault, and users felt it. {story}"
    assert "                1 request was harmed, 100% of those made meanwhile" in lines


def test_times_have_their_date_only_where_the_recording_is_a_day_or_longer(told):
    times = {"start": answer_key.at(10), "end": answer_key.at(20)}
    besides = [{"id": "job-1", "kind": "job", "target": "mail", **times, "event": None}]
    short = {**answer_key.truth(one(ramp_end=answer_key.at(70))), "background": besides}
    long = {**short, "recording": {"start": answer_key.at(0), "end": "2024-01-16T10:30:00.000000+00:00"}}
    for day, lines in (("", told(short)), ("2024-01-15 ", told(long))):
        assert f"  acted       {day}10:31:00 to {day}10:32:00, at full strength from {day}10:31:10" in lines
        assert f"  users       felt it from {day}10:31:06 to {day}10:32:10" in lines
        assert lines[-2:] == ["Background, not faults:", f"  {day}10:30:10  job of mail"]


@pytest.mark.parametrize(
    ("kind", "parameters", "shown"),
    [
        ("slow", {"severity": 0.4, "factor": 37.5}, "severity 40%, factor 37.5"),
        ("delay", {"severity": 1.0, "by": 0.25}, "severity 100%, by 250ms"),
        ("leak", {"severity": 1.0, "rate": 8388608.0}, "severity 100%, rate 8MiB"),
    ],
)
def test_parameters_are_written_as_in_a_scenario_file(told, kind, parameters, shown):
    lines = told(answer_key.truth(one(kind=kind, parameters=parameters)))
    assert f"{kind}-1: {kind} on store.select ({shown})" in lines


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (
            "slow: {target: database, factor: {lognormal: {median: 30, sigma: 1}}}",
            "{lognormal: {median: 30, sigma: 1}}",
        ),
        ("slow: {target: database, factor: {exponential: 40}, share: 5%}", "factor {exponential: 40}, share 5%"),
        ("slow: {target: database, factor: {gamma: {mean: 4}}}", "factor {gamma: {mean: 4}}"),
        ("slow: {target: database, factor: {constant: 4}}", "factor {constant: 4}"),
        ("slow: {target: database, factor: {empirical: [2, 3.5]}}", "factor {empirical: [2, 3.5]}"),
        (
            "slow: {target: database, factor: {mixture: [{weight: 25%, constant: 9}, {weight: 75%, exponential: 2}]}}",
            "{mixture: [{weight: 25%, constant: 9}, {weight: 75%, exponential: 2}]}",
        ),
        (
            "delay: {target: order-service -> database, by: {pareto: {minimum: 5ms, alpha: 1.5, maximum: 2s}}}",
            "by {pareto: {minimum: 5ms, alpha: 1.5, maximum: 2s}}",
        ),
        (
            "flip: {target: order-service -> database, set: {timeout: 60ms, retry: {on: [timeout]}, breaker: none}}",
            "set {timeout: 60ms, retry: {on: [timeout]}, breaker: none}",
        ),
        ("fail: {target: database, share: 1, shape: {steps: [0%, 50%]}}", "shape {steps: [0%, 50%]}"),
        (
            "fail: {target: database, share: 1, shape: {steps: {levels: [0%, 50%], each: 4s}}}",
            "shape {steps: {levels: [0%, 50%], each: 4s}}",
        ),
        ("fail: {target: database, share: 1, shape: {sine: 10s}}", "shape {sine: 10s}"),
        ("fail: {target: database, share: 1, shape: {on_off: {on: 1s, off: 2s}}}", "shape {on_off: {on: 1s, off: 2s}}"),
        ("fail: {target: database, share: 1, shape: {ramp: {up: 4s}}}", "shape {ramp: {up: 4s}}"),
        ("deploy: {target: database, canary: 25%, patience: none}", "patience none, canary 25%"),
        (
            "deploy: {target: database, canary: 1, error_budget: 5%}",
            "canary 1, error_budget {share: 5%, window: 30s}",
        ),
        ("job: {target: database, name: 'a, b'}", "name 'a, b'"),
        ("stop: {target: database}", "severity 100%"),
    ],
)
def test_a_value_of_any_kind_is_told_in_one_line_that_a_scenario_file_may_have(told, written, shown):
    text = "{{name: x, confounders: none, duration: 60s, faults: [{}]}}"
    (fault,) = parse(text.format(written), "x.yaml").scenario.faults
    truth = answer_key.truth(one(kind=fault.kind, parameters=json.loads(json.dumps(parameters(fault)))))
    (line,) = [line for line in told(truth) if line.startswith(f"{fault.kind}-1: ")]
    assert shown in line
    keys = keys_of(type(fault))
    block = ", ".join(f"{word}: {setting(word, keys[word].grammar, each)}" for word, each in parameters(fault).items())
    target = re.search("target: [^,}]+", written)[0]
    (again,) = parse(text.format(f"{fault.kind}: {{{target}, {block}}}"), "x.yaml").scenario.faults
    assert again == fault


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({**answer_key.truth(), "faults": [7]}, r"faults\[0\]: must be an object, not 7"),
        (answer_key.truth(one(parameters=[1])), r"faults\[0\].parameters: must be an object, not a list"),
        (
            answer_key.truth(one(affected=[{"service": "a", "onset": answer_key.at(60), "peak": 3, "requests": 1}])),
            r"faults\[0\].affected\[0\].peak: must be an object, not 3",
        ),
    ],
    ids=["no fault", "no parameters", "no peak"],
)
def test_a_key_of_another_shape_is_refused(told, content, message):
    with pytest.raises(TruthError, match=rf"ground_truth\.json: {message}"):
        told(content)


# -- a request --------------------------------------------------------------------------------------------------------


def test_a_harmed_request_is_told_with_both_outcomes_its_causes_and_the_marked_span_in_its_tree(outage):
    verdicts = verdicts_of(outage).filter(effect="failed")
    verdict = verdicts.row(len(verdicts) // 2, named=True)
    lines = lines_of(outage, verdict["trace_id"])
    assert lines[1].endswith(f"{verdict['outcome']} after {verdict['duration_ms']:,.0f} ms")
    assert lines[2].endswith(f"{verdict['twin_outcome']} after {verdict['twin_duration_ms']:,.0f} ms")
    assert "It failed because of " in lines[3] and all(fault in lines[3] for fault in verdict["caused_by"])
    spans = pl.read_ndjson(outage / "traces.ndjson", infer_schema_length=None).filter(trace_id=verdict["trace_id"])
    assert len(lines) == 6 + len(spans)
    (entered,) = spans.filter(span_id=verdict["entered_at"]).to_dicts()
    (marked,) = [line for line in lines[6:] if line.startswith("*")]
    assert entered["operation"] in marked
    assert (entered["error_type"] or "") in marked


def test_the_spans_of_a_request_stand_below_what_caused_them(outage):
    verdict = verdicts_of(outage).row(0, named=True)
    *_, tree = explain.requests(outage, [verdict["trace_id"]])
    told = [row[-1] for row in tree.rows]
    depths = [(len(line) - len(line.lstrip())) // 2 for line in told]
    assert depths[0] == 0 and min(depths[1:]) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(depths))
    # A call is followed by its answer, never by another call at once: calls are made by a request, or a piece of one.
    calls = [line.lstrip().startswith("-> ") for line in told]
    assert any(calls)
    assert not any(calls[at] and calls[at + 1] and depths[at + 1] > depths[at] for at in range(len(told) - 1))


def test_an_unknown_trace_is_refused_with_the_nearest_there_is(outage):
    known = verdicts_of(outage)["trace_id"][5]
    wrong = known[:-1] + ("0" if known[-1] != "0" else "1")
    with pytest.raises(TruthError, match=f"has no trace {wrong} .did you mean '{known}'"):
        lines_of(outage, wrong)
    with pytest.raises(TruthError, match="has no trace nonsense"):
        lines_of(outage, "nonsense")


def test_several_requests_are_told_one_after_another_in_the_order_asked_for(outage):
    traces = verdicts_of(outage)["trace_id"].gather([40, 3, 40]).to_list()
    one, other = (lines_of(outage, trace) for trace in traces[:2])
    assert lines_of(outage, *traces) == [*one, "", *other, "", *one]
    with pytest.raises(TruthError, match="has no trace nonsense"):
        lines_of(outage, *traces, "nonsense")
    told = CliRunner().invoke(main, ["explain", str(outage), *traces])
    assert told.stdout.splitlines() == lines_of(outage, *traces)


# -- errors -----------------------------------------------------------------------------------------------------------


def break_key(folder):
    (folder / GROUND_TRUTH).write_text(json.dumps({"format": 1, "faults": [{}], "requests": {}}))


def break_verdicts(folder):
    (folder / VERDICTS).write_text("{")


def cut_verdicts(folder):
    lines = (folder / VERDICTS).read_text().splitlines(keepends=True)
    (folder / VERDICTS).write_text("".join(lines[:-1]))


def break_traces(folder):
    (folder / "traces.ndjson").write_text('{"trace_id": 7')


@pytest.mark.parametrize(
    "harm", [break_key, break_verdicts, cut_verdicts, break_traces], ids=lambda harm: harm.__name__
)
def test_what_can_not_be_read_is_refused_by_name(outage, tmp_path, harm):
    trace = verdicts_of(outage).filter(effect="failed")["trace_id"][0]
    harmed = copytree(outage, tmp_path / "harmed")
    harm(harmed)
    with pytest.raises(MeshquakeError, match=str(harmed)) as refused:
        lines_of(harmed) if harm is break_key else lines_of(harmed, trace)
    assert ("verdicts.ndjson:" in str(refused.value)) is (harm in (break_verdicts, cut_verdicts))


def test_the_command_prints_the_story_and_ends_with_2_where_there_is_none(outage, tmp_path):
    told = CliRunner().invoke(main, ["explain", str(outage)])
    assert (told.exit_code, told.stdout.splitlines()) == (0, lines_of(outage))
    refused = CliRunner().invoke(main, ["explain", str(tmp_path)])
    assert refused.exit_code == 2
    assert refused.stderr == f"{tmp_path}: not a fixture: it has no traces.ndjson\n"


def test_an_attempt_that_was_sent_beside_another_is_told_as_a_hedge():
    def span(span_id, parent, kind, second, attempt=1):
        at = f"2024-01-15T10:30:0{second}.000000+00:00"
        known = {"operation": "db.read", "error_type": None, "duration_ms": 1500.0, "parent_span_id": parent}
        return known | {"span_id": span_id, "kind": kind, "timestamp": at, "attempt": attempt}

    calls = [span(f"{attempt}", "0", "client", second, attempt) for attempt, second in ((1, 1), (2, 2), (3, 4))]
    table = explain._tree([span("0", None, "server", 1), *calls], None)
    assert [row[-1].strip() for row in table.rows][1:] == [
        "-> db.read",
        "-> db.read (attempt 2, a hedge)",
        "-> db.read (attempt 3)",
    ]
