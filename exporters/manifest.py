"""The manifest of a fixture: what it is, how to make it again, and how to tell that it's whole.

It holds nothing of the time or the machine of its making, so that the same run has the same manifest.

Those who only read fixtures import this too, so the simulator is imported where one is made, and not before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exporters import layout
from exporters.timeline import KINDS

if TYPE_CHECKING:
    from exporters.ndjson import Written
    from sim.simulation import Simulation

NAME = layout.MANIFEST
#: Of the layout of a fixture; a reader refuses others.
FORMAT = 1
#: Others whose versions decide the bytes: draws (numpy, scipy), order of events (simpy), text of numbers (polars).
_DECISIVE = ("numpy", "scipy", "simpy", "polars")


class ManifestError(Exception):
    """A folder holds no fixture, or one that this version can't read."""


def manifest(
    simulation: Simulation, severity: float, written: dict[str, Written], formats: list[str]
) -> dict[str, Any]:
    """The manifest of a finished run, as a JSON object.

    Parameters
    ----------
    simulation
        The run.
    severity
        What the severity of the scenario's faults was multiplied by.
    written
        What each file holds, by its path in the fixture's folder.
    formats
        The formats that the fixture has folders of, besides.
    """
    from faults import writing

    scenario, topology = simulation.scenario, simulation.topology
    return {
        "format": FORMAT,
        "versions": versions(),
        "scenario": {"name": scenario.name, "sha256": _sha256(scenario.source), "text": scenario.source},
        "topology": {"name": topology.name, "sha256": _sha256(topology.source), "text": topology.source},
        "seed": simulation.seed,
        "start": simulation.start.isoformat(timespec="microseconds"),
        "options": {
            "duration_s": scenario.duration,
            "lead_in_s": scenario.lead_in,
            "recovery_s": scenario.recovery,
            "interval_s": simulation.interval / 1e6,
            "rate_per_s": topology.workload.rate,
            "severity": severity,
            "confounders": scenario.confounders,
        },
        "drawn": [
            writing.block(fault) for fault in (*scenario.faults, *scenario.background) if fault.id in scenario.drawn
        ],
        "files": {
            name: ({} if each.records is None else {"records": each.records})
            | {"bytes": each.bytes, "sha256": each.sha256}
            for name, each in written.items()
        },
        "formats": formats,
    }


def save(folder: Path, content: dict[str, Any]) -> None:
    """Write a manifest into a fixture's folder; raises OSError."""
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    (folder / NAME).write_text(text, encoding="utf-8", newline="\n")


def load(folder: Path) -> dict[str, Any]:
    """Read the manifest of a fixture, or of a case of a data set.

    Raises
    ------
    ManifestError
        If the folder has none, or it can't be read, or is of another format.
    """
    path = layout.path(folder, NAME)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ManifestError(f"{folder}: {layout.missing(folder, NAME)}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ManifestError(f"{path}: cannot be read: {error}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else None
        raise ManifestError(f"{path}: of format {found!r}; this version reads format {FORMAT}")
    return content


def verified(folder: Path, by_size: bool = False, also: Collection[str] = ()) -> dict[str, Any]:
    """The manifest of a fixture whose four files are what it says: their sizes first, then their SHA-256.

    Parameters
    ----------
    folder
        The fixture.
    by_size
        Whether sizes are enough.
    also
        Other files to look at, by their paths in the folder.

    Raises
    ------
    ManifestError
        If the folder is no fixture, or a file is missing, cut off or changed; with all that is wrong.
    OSError
        If a file can't be read.
    """
    content = load(folder)
    try:
        files = {name: content["files"][name] for name in (*(f"{kind}.ndjson" for kind in KINDS), *also)}
        problems = [problem for name, each in files.items() if (problem := damage(folder, name, each["bytes"]))]
        if not (problems or by_size):
            changed = (name for name, each in files.items() if _sha256_of(layout.path(folder, name)) != each["sha256"])
            problems = [f"{name} was changed" for name in changed]
    except (KeyError, TypeError):
        raise ManifestError(f"{layout.path(folder, NAME)}: isn't the manifest of a fixture") from None
    if problems:
        raise ManifestError(f"{folder}: isn't what its manifest says: {'; '.join(problems)}")
    return content


def recording(hashes: Mapping[str, str]) -> str:
    """What tells a recording from every other: the SHA-256 of those of its four files, given by their names."""
    return _sha256("".join(hashes[f"{kind}.ndjson"] for kind in KINDS))


def damage(folder: Path, name: str, size: int) -> str:
    """What is wrong with a fixture's file, as far as its size tells; empty if nothing is."""
    path = layout.path(folder, name)
    if not path.is_file():
        return f"{name} is missing"
    found = path.stat().st_size
    return "" if found == size else f"{name} has {found} bytes, not {size}"


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a manifest."""
    from faults.scenario import CONFOUNDERS
    from sim.records import TIME_PATTERN

    text, count, seconds = {"type": "string"}, {"type": "integer", "minimum": 0}, {"type": "number", "minimum": 0}
    sha256 = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    source = _object(name=text, sha256=sha256, text=text)
    written: dict[str, Any] = {"records": count, "bytes": count, "sha256": sha256}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "manifest",
        "description": "What a fixture is, how to make it again, and how to tell that it's whole.",
        **_object(
            format={"const": FORMAT},
            versions=_object(meshquake=text, **dict.fromkeys(_DECISIVE, text)),
            scenario=source,
            topology=source,
            seed=count,
            start={"type": "string", "pattern": TIME_PATTERN},
            options=_object(
                duration_s=seconds,
                lead_in_s=seconds,
                recovery_s=seconds,
                interval_s=seconds,
                rate_per_s=seconds,
                severity={"type": "number", "exclusiveMinimum": 0, "maximum": 1},
                confounders={"enum": [*CONFOUNDERS]},
            ),
            drawn={"type": "array", "items": {"type": "object", "required": ["kind", "id", "target"]}},
            files=_object(**{f"{kind}.ndjson": _object(**written) for kind in KINDS})
            | {"additionalProperties": _object(**written) | {"required": ["bytes", "sha256"]}},
            formats={"type": "array", "items": text},
        ),
    }


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    """The schema of an object with just these keys."""
    return {"type": "object", "additionalProperties": False, "required": [*properties], "properties": properties}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def versions() -> dict[str, str]:
    """What is here of that which decides the bytes, by name."""
    from sim.version import VERSION

    return {"meshquake": VERSION} | {name: version(name) for name in _DECISIVE}
