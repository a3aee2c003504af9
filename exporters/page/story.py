"""The story of a recording in plain English, from its answer key: what broke, how it spread, and the harm to users."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from meshquake.exporters.reports.explain import target_of, worth
from meshquake.topology.units import counted, duration

#: What each kind of fault did to its target. Kinds from other packages are told by their names.
_BECAME = {
    "delay": "messages on {} took longer",
    "deploy": "a bad version was rolled out to {}",
    "drop": "{} lost calls",
    "fail": "{} failed requests",
    "flip": "a changed setting broke {}",
    "flush": "the cache {} was emptied",
    "handshake": "{} could not open connections",
    "hang": "{} hung",
    "hog_cpu": "something took the CPU of {}",
    "job": "a job took the CPU of {}",
    "leak": "{} leaked memory",
    "miss": "lookups in {} missed",
    "pause": "{} stood still again and again",
    "probe": "the probes of {} failed",
    "refuse": "{} refused connections",
    "reset": "connections on {} were reset",
    "restart": "{} was restarted",
    "scale": "{} was scaled to too few replicas",
    "shrink_pool": "the connection pools of {} shrank",
    "slow": "{} became slow",
    "stop": "{} went down",
    "surge": "{} came in far greater numbers",
    "throttle": "the CPU of {} was throttled",
}
#: Names listed in a sentence; the others are only counted.
_NAMED = 3


def story(truth: dict[str, Any]) -> dict[str, Any]:
    """Tell the story in `paragraphs`, with its `figures`, each a `label`, a `value` and a `note`."""
    faults = truth["faults"]
    felt = [fault for fault in faults if not fault["latent"]]
    paragraphs = [" ".join((_begun([fault]), *_told(fault, truth))) for fault in felt]
    paragraphs += [f"{_begun(alike)} {_unfelt(alike, truth)}" for alike in _alike(faults)]
    if len(faults) > 1:
        paragraphs.insert(0, _together(truth))
    if not faults:
        paragraphs = ["Nothing was wrong: no fault acted in this recording."]
    if actions := truth.get("actions"):
        done = [f"{each['kind']} of {_on(each)} at {clock(each['start'])}" for each in actions["taken"]]
        paragraphs.append(f"Operator actions: {_listed(done)}. {worth(actions, truth['requests']['harmed'])}")
    if harmless := sorted({f"{each['kind']} of {each['target']}" for each in truth["background"]}):
        paragraphs.append(f"Harmless, though they may look suspicious: {_listed(harmless)}.")
    return {"paragraphs": paragraphs, "figures": list(_figures(truth, felt))}


def _on(action: dict[str, Any]) -> str:
    return ", ".join(action.get("targets", [action["target"]]))


def _together(truth: dict[str, Any]) -> str:
    """Say what several faults did together."""
    faults, requests = truth["faults"], truth["requests"]
    begin, end = min(each["start"] for each in faults), max(each["end"] for each in faults)
    harm = f"Together they harmed {requests['harmed']:,} of {counted(requests['total'], 'request')}."
    return f"{len(faults)} faults acted between {clock(begin)} and {clock(end)}. {harm}"


def _alike(faults: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Group the faults that users did not feel by kind and times."""
    found: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for fault in faults:
        if fault["latent"]:
            found.setdefault((fault["kind"], fault["start"], fault["ramp_end"], fault["end"]), []).append(fault)
    return list(found.values())


def _begun(alike: Sequence[dict[str, Any]]) -> str:
    """Say how faults of one kind began."""
    fault, start = alike[0], alike[0]["start"]
    targets = _listed([target_of(each) for each in alike])
    became = _BECAME.get(fault["kind"], f"{fault['kind']} struck {{}}").format(targets)
    full = f", at full strength {_after(start, fault['ramp_end'])} later" if fault["ramp_end"] > start else ""
    return f"At {clock(start)} {became}{full}."


def _unfelt(alike: Sequence[dict[str, Any]], truth: dict[str, Any]) -> str:
    """Say how faults ended that users did not feel."""
    they, them = ("It", "it") if len(alike) == 1 else ("They", "them")
    return f"{they} {_ended(alike[0], truth)}, and no promise to users was broken by {them}."


def _ended(fault: dict[str, Any], truth: dict[str, Any]) -> str:
    return f"ended at {clock(fault['end'])}" if fault["end"] < truth["recording"]["end"] else "lasted to the end"


def _told(fault: dict[str, Any], truth: dict[str, Any]) -> Iterator[str]:
    """Yield sentences on the spread, harm and end of a fault that users felt."""
    start, ended = fault["start"], _ended(fault, truth)
    if spread := [each["service"] for each in fault["affected"] if each["service"] != fault["root_cause"]["service"]]:
        ways = _ways(fault["mechanism"])
        yield f"From there it spread to {_listed(spread)}{f' ({_listed(ways)})' if ways else ''}."
    radius, since = fault["blast_radius"], fault["user_facing"]["since"]
    yield f"Users felt it {_after(start, since)} after it began, at {clock(since)}."
    worst = max(radius["entries"], key=lambda each: each["share"], default=None)
    most = f", and hit {worst['entry']} hardest ({worst['share']:.0%})" if worst and len(radius["entries"]) > 1 else ""
    yield f"It harmed {counted(radius['requests'], 'request')}, {radius['share']:.0%} of all in that time{most}."
    if fault["recovered"] is None:
        yield f"It {ended}, and users still felt it when the recording ended."
    else:
        yield f"It {ended}; for users it was over at {clock(fault['recovered'])}."


def _ways(mechanism: Sequence[dict[str, Any]]) -> list[str]:
    """List the mechanisms between services, most frequent first."""
    found: dict[str, int] = {}
    for step in mechanism:
        if step["from"] != step["to"]:
            found[step["mechanism"]] = found.get(step["mechanism"], 0) + step["requests"]
    return sorted(found, key=lambda way: -found[way])


def _figures(truth: dict[str, Any], felt: Sequence[dict[str, Any]]) -> Iterator[dict[str, str]]:
    requests = truth["requests"]
    yield _figure("Requests", f"{requests['total']:,}", "in the whole recording")
    share = requests["harmed"] / requests["total"] if requests["total"] else 0.0
    yield _figure("Harmed by faults", f"{requests['harmed']:,}", f"{share:.1%} of all")
    yield _figure("Bad anyway", f"{requests['background']:,}", "with and without the faults")
    if felt:
        since = min(fault["user_facing"]["since"] for fault in felt)
        recovered = [fault["recovered"] for fault in felt]
        until = None if None in recovered else max(recovered)
        value = duration(round(_seconds(since, until or truth["recording"]["end"]), 1))
        note = f"{clock(since)} to {clock(until)}" if until else f"from {clock(since)} to the end"
        yield _figure("Felt for", value, note)


def _figure(label: str, value: str, note: str) -> dict[str, str]:
    return {"label": label, "value": value, "note": note}


def _listed(names: Sequence[str]) -> str:
    """Join names for a sentence: the first ones, and a count of the others."""
    if len(names) > _NAMED + 1:
        return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _after(start: str, moment: str) -> str:
    return duration(round(_seconds(start, moment), 1))


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def clock(moment: str) -> str:
    """Return the time of day of a moment, to the second."""
    return moment[11:19]
