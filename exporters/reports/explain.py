"""Explain an incident, or single requests, in words, from the answer key."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from meshquake.exporters.blocks import Block, Facts, Table
from meshquake.exporters.fixtures import answer_key, layout, manifest, record_file
from meshquake.exporters.fixtures.answer_key import TruthError
from meshquake.exporters.fixtures.timeline import LineFile, stamp
from meshquake.exporters.reports.setting import setting
from meshquake.faults.kinds import fault_kinds
from meshquake.faults.observability import DEFAULT, LEVELS, at_level
from meshquake.sim.records import TRACE
from meshquake.sim.telemetry.metrics import METRICS
from meshquake.topology.binder import keys_of
from meshquake.topology.problems import suggestion
from meshquake.topology.units import counted, duration, shown

#: Longest list that is shown in full.
_MOST = 8
#: Most trace ids that are offered for an ambiguous prefix.
_LIKE = 20
_SEEN = {
    "loudest": "the root cause is the loudest service",
    "one of several": "others are louder than the root cause",
    "silent": "neither the error rate nor the latency of the root cause shows it",
}
_HARM = {"failed": "It failed", "slowed": "It came too late", "spared": "It was spared"}


def incident(folder: Path) -> list[Block]:
    """Tell the story of a fixture's incident.

    Raises
    ------
    exporters.fixtures.answer_key.TruthError
        If the folder has no answer key, or one that can't be read.
    """
    return list(_incident(answer_key.read_ground_truth(folder)))


def requests(folder: Path, trace_ids: Sequence[str]) -> list[Block]:
    """Tell what happened to some requests, in one pass over the fixture.

    Raises what `incident` and `manifest.load` raise, and an error if the fixture lacks a trace or its spans are bad.
    """
    manifest.load(folder)
    truth = answer_key.read_ground_truth(folder)
    verdicts = {row["trace_id"]: row for row in answer_key.read_verdicts(folder, truth, trace_ids).to_dicts()}
    spans = _spans(folder, verdicts, _ahead(truth))
    faults = {fault["id"] for fault in truth["faults"]}
    for trace_id in trace_ids:
        if trace_id not in verdicts:
            raise TruthError(f"{folder}: has no trace {trace_id}{suggestion(trace_id, _like(folder, trace_id))}")
        if not spans[trace_id] and "observability" in truth:
            raise TruthError(
                f"{folder}: trace {trace_id} is not in the recording: its spans were sampled out or lost, as the mesh "
                f"was observed; they are in {answer_key.UNRECORDED}/{TRACE.name}.ndjson"
            )
        if not spans[trace_id]:
            raise TruthError(f"{folder}: has no span of trace {trace_id}: is {TRACE.name}.ndjson complete?")
        for name in verdicts[trace_id]["caused_by"]:
            if name not in faults:
                raise TruthError(f"{folder}: has no fault {shown(name)}, which is said to have harmed trace {trace_id}")
    stories = [list(_request(truth, verdicts[trace_id], spans[trace_id])) for trace_id in trace_ids]
    return [block for story in stories for block in ("", *story)][1:]


def _ahead(truth: dict[str, Any]) -> timedelta:
    """Return how far the clock of a replica may be behind: by that much a span can precede its own request."""
    clocks = truth.get("observability", {}).get("clocks_ms", {})
    return timedelta(milliseconds=max((-off for off in clocks.values()), default=0.0))


def _spans(
    folder: Path, verdicts: Mapping[str, Mapping[str, Any]], ahead: timedelta
) -> dict[str, list[dict[str, Any]]]:
    """Read the spans of some requests, by trace id.

    `verdicts` are the key's verdicts on them. No span is earlier than its request by more than `ahead`.
    """
    found: dict[str, list[dict[str, Any]]] = {trace_id: [] for trace_id in verdicts}
    if not found:
        return found
    wanted = re.compile(f'"trace_id":"(?:{"|".join(map(re.escape, found))})"'.encode())
    first = datetime.fromisoformat(min(verdict["timestamp"] for verdict in verdicts.values())) - ahead
    shape = record_file.records(TRACE)
    with closing(LineFile(layout.path(folder, f"{TRACE.name}.ndjson"))) as file:
        for line in file.lines(file.find(stamp(first)), 0, wanted=wanted.search):
            span, wrong = shape.look(line.text)
            if wrong:
                raise file.refused(line.end - len(line.text) - 1, *wrong[0])
            found[span["trace_id"]].append(span)
    return found


def _like(folder: Path, trace_id: str) -> list[str]:
    """List trace ids that share their first eight digits with the given one, up to a limit."""
    like = (each.filter(pl.col("trace_id").str.starts_with(trace_id[:8])) for each in answer_key.verdicts(folder))
    return list(islice((found for each in like for found in each["trace_id"]), _LIKE))


def _incident(truth: dict[str, Any]) -> Iterator[Block]:
    requests, faults = truth["requests"], truth["faults"]
    felt = sum(not fault["latent"] for fault in faults)
    match len(faults):
        case 0:
            count = "Nothing was wrong"
        case 1:
            count = f"One fault, and {'users' if felt else 'no user'} felt it"
        case several:
            count = f"{several} faults, of which users felt {({0: 'none', several: 'all'}).get(felt, felt)}"
    yield f"{count}. {_fates(requests, len(faults))}"
    if "observability" in truth:
        yield f"Observed: {_observed(truth['observability'])}."
    for fault in faults:
        yield ""
        yield from _fault(fault, truth["recording"])
    if "actions" in truth:
        yield ""
        yield from _actions(truth["actions"], requests["harmed"], truth["recording"])
    if truth["background"]:
        yield ""
        yield "Background, not faults:"
        yield Facts(list(_background(truth["background"], truth["recording"])), indent=2)


def _fates(requests: dict[str, int], faults: int) -> str:
    """Count the requests that the faults harmed, those they spared, and those that would have failed anyway."""
    total, harmed, spared, bad = (requests[name] for name in ("total", "harmed", "spared", "background"))
    of = f"Of {counted(total, 'request')}"
    if not faults:
        return f"{of}, {_were(bad)} bad all the same."
    told = [f"{_were(harmed)} harmed" + (f" ({_percent(harmed / total)})" if harmed else "")]
    if spared:
        told.append(f"{_were(spared)} spared")
    if bad:
        told.append(f"{_were(bad)} bad with or without the fault{'s' if faults > 1 else ''}")
    *most, last = told
    return f"{of}, {', '.join(most)}{', and ' if most else ''}{last}."


def _background(happened: list[dict[str, Any]], recording: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for each in sorted(happened, key=lambda each: each["start"]):
        yield _time(each["start"], recording), f"{each['kind']} of {each['target']}"


def _actions(told: dict[str, Any], harmed: int, recording: dict[str, str]) -> Iterator[Block]:
    """Yield the actions of an operator and their effect."""
    yield "Operator actions:"
    yield Facts(
        [
            (_time(each["start"], recording), f"{each['kind']} of {', '.join(each.get('targets', [each['target']]))}")
            for each in told["taken"]
        ],
        indent=2,
    )
    yield worth(told, harmed)


def worth(told: dict[str, Any], harmed: int) -> str:
    """Say how the actions changed the harm, given how many requests were harmed."""
    return (
        f"Had nobody acted, {counted(told['harmed_without'], 'request')} would have been harmed instead of {harmed}: "
        f"{_were(told['saved'])} saved, and {told['lost']} harmed that would have been good."
    )


def _observed(told: dict[str, Any]) -> str:
    """Describe the observability of the mesh, and how much of its telemetry was recorded."""
    level = told["settings"].get("level", DEFAULT)
    usual = asdict(at_level(level)) if level in LEVELS else {}
    apart = [name for name, value in told["settings"].items() if name in usual and value != usual[name]]
    shares, odd = [], Counter[str]()
    for kind, counts in told["records"].items():
        fates = counts["fates"]
        odd.update({fate: fates[fate] for fate in ("late", "duplicated") if fate in fates})
        shares.append(f"{(counts['recorded'] - fates.get('duplicated', 0)) / max(counts['made'], 1):.1%} of {kind}")
    if odd:
        shares.append(f"with {' and '.join(f'{count} {fate}' for fate, count in sorted(odd.items()))} log lines")
    clocks = max(map(abs, told["clocks_ms"].values()), default=0.0)
    off = f"; clocks are off by up to {clocks:.3g} ms" if clocks else ""
    but = f", but for {', '.join(apart)}" if apart else ""
    return f"{level}{but}. Recorded: {', '.join(shares)}{off}"


def _fault(fault: dict[str, Any], recording: dict[str, Any]) -> Iterator[Block]:
    kind = fault_kinds().get(fault["kind"])
    if kind is None:
        raise TruthError(f"{fault['id']} is a fault of kind {fault['kind']}, which no package installed here has")
    keys = keys_of(kind)
    settings = ", ".join(
        f"{name} {setting(name, keys[name].grammar, value)}"
        for name, value in fault["parameters"].items()
        if value is not None or keys[name].default is not None
    )
    yield f"{fault['id']}: {fault['kind']} on {target_of(fault)} ({settings})"
    yield Facts(list(_facts(fault, recording)), indent=2)


def _facts(fault: dict[str, Any], recording: dict[str, Any]) -> Iterator[tuple[str, str]]:
    full = (
        f", at full strength from {_time(fault['ramp_end'], recording)}" if fault["ramp_end"] > fault["start"] else ""
    )
    over = fault["end"] < recording["end"]
    until = _time(fault["end"], recording) if over else "the end of the recording"
    yield "acted", f"{_time(fault['start'], recording)} to {until}{full}"
    yield "root cause", f"{fault['root_cause']['service']}, {fault['root_cause']['indicator']}"
    if fault["latent"]:
        harmed = fault["blast_radius"]["requests"]
        more = f" ({_harmed(harmed)})" if harmed else ""
        yield "users", f"did not feel it: it broke no promise to them{more}"
    else:
        felt, radius = fault["user_facing"], fault["blast_radius"]
        until = f"to {_time(fault['recovered'], recording)}" if fault["recovered"] else "until the end of the recording"
        yield "users", f"felt it from {_time(felt['since'], recording)} {until}"
        yield "", f"  {_harmed(radius['requests'])}, {_percent(radius['share'])} of those made meanwhile"
        for entry in radius["entries"]:
            if entry["harmed"]:
                yield "", f"  {entry['entry']}: {entry['harmed']} of {entry['requests']} ({_percent(entry['share'])})"
    yield from _listed("together", map(_interaction, fault["interactions"]))
    steps = _foremost(fault["mechanism"], lambda step: -step["requests"])
    yield from _listed("spread", (_step(fault["start"], step) for step in steps), of=len(fault["mechanism"]))
    yield from _listed("reached", (_affected(fault["start"], each) for each in fault["affected"]))
    alerts = _foremost(fault["alerts"], lambda alert: alert["type"] != "symptom")
    yield from _listed("alerts", (_alert(fault["start"], alert) for alert in alerts), of=len(fault["alerts"]))
    yield from _listed("ruled out", _ruled_out(fault["red_herrings"]))
    hard = fault["difficulty"]
    yield "visibility", _SEEN[hard["label"]]
    if hard["louder"]:
        yield "louder", ", ".join(hard["louder"])


def _foremost(items: list[dict[str, Any]], rank: Callable[[dict[str, Any]], int]) -> list[dict[str, Any]]:
    """Select the items with the lowest ranks, as many as are shown, in their original order."""
    places = sorted(range(len(items)), key=lambda place: rank(items[place]))
    return [items[place] for place in sorted(places[:_MOST])]


def _listed(name: str, lines: Iterable[str], of: int = 0) -> Iterator[tuple[str, str]]:
    """Yield the lines of one fact, or the first of them; `of` counts the items that `lines` were selected from."""
    every = list(lines)
    for position, line in enumerate(every[:_MOST]):
        yield name if position == 0 else "", line
    if (rest := max(of, len(every)) - _MOST) > 0:
        yield "", f"and {rest} more"


def _ruled_out(herrings: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the red herrings with the reason each is ruled out; events with the same reason share a line."""
    alike: dict[tuple[str, str | None], list[str]] = {}
    for each in herrings:
        of = each["service"] if each["kind"] == "service" else None
        alike.setdefault((each["ruled_out_by"], of), []).append(f"{each['service']} ({each['what']})")
    for (reason, _), names in alike.items():
        yield f"{', '.join(names)}: {reason}"


def _interaction(each: dict[str, Any]) -> str:
    told = []
    if each["needed_both"]:
        told.append(f"both were needed to harm {counted(each['needed_both'], 'request')}")
    if each["either_enough"]:
        told.append(f"either was enough to harm {counted(each['either_enough'], 'request')}")
    return f"with {each['with']}: {', '.join(told)}"


def _step(start: str, step: dict[str, Any]) -> str:
    way = step["from"] if step["from"] == step["to"] else f"{step['from']} -> {step['to']}"
    factor = f" x{step['factor']:.2f}" if "factor" in step else ""
    return (
        f"{_after(start, step['onset'])}  {way}: {step['mechanism']}{factor} ({counted(step['requests'], 'request')})"
    )


def _were(count: int) -> str:
    return {0: "none was", 1: "1 was"}.get(count, f"{count} were")


def _harmed(count: int) -> str:
    return f"{counted(count, 'request')} {'was' if count == 1 else 'were'} harmed"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.095 else f"{share:.1%}"


def _affected(start: str, each: dict[str, Any]) -> str:
    peaks = ", ".join(_peak(name, peak) for name, peak in each["peak"].items())
    return f"{_after(start, each['onset'])}  {each['service']}: {peaks or _stuck(each['requests'])}"


def _peak(metric: str, peak: dict[str, Any]) -> str:
    """Show the peak of a metric, beside its value at that moment without the faults."""
    unit = METRICS[metric].unit
    figures = f"{_figure(peak['twin'])} -> {_figure(peak['value'])}{'' if unit == '%' else ' '}{unit}"
    return f"{_called(metric, peak)} {figures}"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _stuck(requests: int) -> str:
    """Describe a service without symptoms of its own, given the requests that got stuck in it or behind it."""
    return (
        f"{counted(requests, 'request')} got stuck in it or behind it"
        if requests
        else "the root cause; no symptom of its own"
    )


def _alert(start: str, alert: dict[str, Any]) -> str:
    where = alert["entry"] or alert["service"] + (f" -> {alert['target']}" if alert["target"] else "")
    return f"{_after(start, alert['earliest'])}  {alert['type']}: {_called(alert['indicator'], alert)} of {where}"


def _called(metric: str, told: dict[str, Any]) -> str:
    """Note the name that a metric has in the recording, if that differs or if it is not recorded."""
    name = told.get("recorded", metric)
    if name is None:
        return f"{metric} (not recorded)"
    return metric if name == metric else f"{metric} (recorded as {name})"


def target_of(fault: dict[str, Any]) -> str:
    """Describe in words what a fault of the key acts on."""
    return ", ".join(map(_one_target, fault.get("targets", [fault["target"]])))


def _one_target(target: dict[str, Any]) -> str:
    if target["edge"]:
        of = f" ({target['replica']} alone)" if target["replica"] else ""
        return f"{target['edge']['caller']} -> {target['edge']['callee']}{of}"
    operation = f".{target['operation']}" if target["operation"] else ""
    return str(target["replica"] or f"{target['service'] or 'all users'}{operation}")


def _request(truth: dict[str, Any], verdict: dict[str, Any], spans: list[dict[str, Any]]) -> Iterator[Block]:
    yield f"{verdict['trace_id']}: {verdict['entry']} at {_time(verdict['timestamp'], truth['recording'])}"
    yield Facts(
        [
            ("actual run", _outcome(verdict["outcome"], verdict["duration_ms"])),
            ("without the faults", _outcome(verdict["twin_outcome"], verdict["twin_duration_ms"])),
        ],
        indent=2,
    )
    faults = {fault["id"]: fault for fault in truth["faults"]}
    if verdict["effect"] is None:
        yield "  The faults made no difference to whether it was good."
    else:
        causes = ", ".join(
            f"{name} ({faults[name]['kind']} on {target_of(faults[name])})" for name in verdict["caused_by"]
        )
        yield f"  {_HARM[verdict['effect']]} because of {causes}; the effect entered it at the span marked *."
    yield ""
    yield _tree(spans, verdict["entered_at"])


def _tree(spans: list[dict[str, Any]], entered: str | None) -> Table:
    """Tabulate the spans of a trace, each below its parent, or at the top if its parent is not recorded."""
    below: dict[str | None, list[dict[str, Any]]] = {}
    known = {span["span_id"] for span in spans}
    for span in sorted(spans, key=lambda span: (span["timestamp"], span["span_id"])):
        above = span["parent_span_id"]
        below.setdefault(above if above in known else None, []).append(span)
    begin = min(datetime.fromisoformat(span["timestamp"]) for span in spans)

    def rows(parent: str | None, depth: int) -> Iterator[tuple[str, ...]]:
        for span in below.get(parent, ()):
            after = (datetime.fromisoformat(span["timestamp"]) - begin).total_seconds() * 1000
            mark = "*" if span["span_id"] == entered else ""
            arrow = "-> " if span["kind"] == "client" else ""
            attempt = _attempt(span, below[parent]) if arrow and span["attempt"] > 1 else ""
            error = f"  {span['error_type']}" if span["error_type"] else ""
            call = f"{'  ' * depth}{arrow}{span['operation']}{attempt}{error}"
            yield mark, f"{after:.0f}", f"{span['duration_ms']:.0f}", call
            yield from rows(span["span_id"], depth + 1)

    return Table(("", "start ms", "length ms", ""), list(rows(None, 0)), align="<>><")


def _attempt(span: dict[str, Any], beside: list[dict[str, Any]]) -> str:
    """Number the attempt of a client span; it is a hedge if it was sent while an earlier attempt was in flight."""
    sent = datetime.fromisoformat(span["timestamp"])
    before = [each for each in beside if each["operation"] == span["operation"] and each["attempt"] < span["attempt"]]
    hedges = any(sent < _end(each) for each in before)
    return f" (attempt {span['attempt']}{', a hedge' if hedges else ''})"


def _end(span: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(span["timestamp"]) + timedelta(milliseconds=span["duration_ms"])


def _outcome(outcome: str | None, milliseconds: float | None) -> str:
    return "not made" if outcome is None or milliseconds is None else f"{outcome} after {milliseconds:,.0f} ms"


def _time(moment: str, recording: dict[str, Any]) -> str:
    """Show a moment to the second, with its date if the recording is a day or longer."""
    length = datetime.fromisoformat(recording["end"]) - datetime.fromisoformat(recording["start"])
    return moment[11:19] if length < timedelta(days=1) else f"{moment[:10]} {moment[11:19]}"


def _after(start: str, moment: str) -> str:
    seconds = (datetime.fromisoformat(moment) - datetime.fromisoformat(start)).total_seconds()
    return f"{'+' if seconds >= 0 else '-'}{duration(round(abs(seconds), 1)):<6}"
