"""A short form of the key of each shipped scenario, as once checked by hand against the telemetry.

`python tests/pinning.py` rewrites it; check every change by hand again.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from twin_runs import Compared, compare

from meshquake.faults.loader import load, shipped
from meshquake.sim.simulation import Simulation

FILE = Path(__file__).parent / "truth" / "pinned.json"


@lru_cache(maxsize=8)
def played(name: str) -> Compared:
    """Play a shipped scenario with its defaults."""
    loaded = load(shipped()[name])
    return compare(Simulation.of(loaded))


def summary(key: dict) -> dict:
    """Summarise a key."""
    return {
        "incident": key["incident"],
        "requests": _line(key["requests"]),
        "faults": {fault["id"]: _fault(fault) for fault in key["faults"]},
        "background": [f"{each['kind']} of {each['target']} at {_clock(each['start'])}" for each in key["background"]],
    }


def _fault(fault: dict) -> dict:
    root, radius, hard = fault["root_cause"], fault["blast_radius"], fault["difficulty"]
    steps = sorted({f"{step['from']} > {step['to']}: {step['mechanism']}" for step in fault["mechanism"]})
    return {
        "root": f"{root['service']}: {root['indicator']}",
        "acted": f"{_clock(fault['start'])} to {_clock(fault['end'])}",
        "visible": _clock(fault["visible_onset"]),
        "latent": fault["latent"],
        "users": f"{_clock(fault['user_facing']['since'])} to {_clock(fault['recovered'])}",
        "entries": [entry.split(".")[1] for entry in fault["user_facing"]["entries"]],
        "affected": [f"{_clock(each['onset'])} {each['service']}" for each in fault["affected"]],
        "mechanism": steps,
        "blast": f"{radius['requests']} requests, {radius['share']:.1%}",
        "difficulty": f"{hard['label']}, rank {hard['rank']}",
    }


def _line(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _clock(moment: str | None) -> str | None:
    return moment and moment[14:19]


def pinned() -> dict[str, dict]:
    """Return the content that the file should have."""
    return {name: summary(played(name).key) for name in shipped()}


if __name__ == "__main__":
    FILE.write_text(json.dumps(pinned(), indent=2) + "\n", encoding="utf-8", newline="\n")
