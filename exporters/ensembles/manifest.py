"""The manifest of an ensemble: its study, and everything needed to reproduce the same bytes."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from meshquake.ensembles import study as studies
from meshquake.ensembles.axes import MOST_CELLS
from meshquake.ensembles.response_text import LONGEST
from meshquake.ensembles.study import MOST_RUNS, MSER, Study
from meshquake.exporters.fixtures import json_file, replayed, staging
from meshquake.exporters.fixtures import manifest as fixtures
from meshquake.faults.loader import NAME as STUDY_NAME
from meshquake.topology import outside
from meshquake.topology.exceptions import MeshquakeError
from meshquake.topology.problems import DocumentError
from meshquake.topology.replay import Replay
from meshquake.topology.units import shown

NAME = "ensemble.json"
FORMAT = 2


class EnsembleError(MeshquakeError):
    """A folder holds no ensemble, or one that can't be read or resumed."""


def manifest(study: Study) -> dict[str, Any]:
    """Return the manifest of an ensemble, as a JSON object."""
    loaded = study.recipe(study.seed_of(0)).load()
    topology = loaded.topology
    return {
        "format": FORMAT,
        "versions": fixtures.versions() | fixtures.packages(topology, loaded.scenario.causes),
        "scenario": {"sha256": _sha256(study.scenario), "text": study.scenario},
        "topology": {"sha256": _sha256(study.topology), "text": study.topology} | replayed.told(topology.workload),
        "study": studies.as_manifest(study),
    }


def written(content: dict[str, Any]) -> str:
    """Return the text of a manifest's file."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def save(folder: Path, study: Study) -> None:
    """Write the manifest of an ensemble into its folder, with the files that its mesh replays; raises OSError."""
    replayed.copy(study.recipe(study.seed_of(0)).mesh().topology.workload, folder)
    staging.write_text(folder / NAME, written(manifest(study)))


def is_ensemble(folder: Path) -> bool:
    """Whether a folder holds an ensemble."""
    return outside.is_file(folder / NAME)


def load(folder: Path) -> tuple[Study, dict[str, Any]]:
    """Read the manifest of an ensemble; returns the study and the whole manifest.

    Raises
    ------
    EnsembleError
        If the folder has no manifest, or it has another format, was changed, or is invalid.
    """
    path = folder / NAME
    if not is_ensemble(folder):
        raise EnsembleError(f"{folder}: is not an ensemble: it has no {NAME}")
    try:
        content = json_file.read(path)
        found = content.get("format") if isinstance(content, dict) else None
        if found != FORMAT:
            raise EnsembleError(f"{path}: has format {shown(found)}; this version reads format {FORMAT}")
        json_file.check(path, _schema(), content)
    except DocumentError as error:
        raise EnsembleError(*error.problems) from None
    for part in ("scenario", "topology"):
        if _sha256(content[part]["text"]) != content[part]["sha256"]:
            raise EnsembleError(f"{path}: the text of the {part} does not match its sha256: one of them was changed")
    try:
        study = studies.read(
            content["study"],
            content["scenario"]["text"],
            content["topology"]["text"],
            str(path),
            _replayed(folder, content),
        )
    except (ValueError, MeshquakeError) as error:
        raise EnsembleError(f"{path}: {error}") from None
    return study, content


@lru_cache(maxsize=8)
def study_of(folder: Path, sha256: str) -> Study:
    """Return the study of an ensemble, cached by the SHA-256 of its manifest, for worker processes."""
    return load(folder)[0]


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Return the parts in which two manifests differ, with the keys of the study as parts of their own."""
    parts = [part for part in ("versions", "scenario", "topology") if one[part] != other[part]]
    keys = dict.fromkeys((*one["study"], *other["study"]))
    return [*parts, *(key for key in keys if one["study"].get(key) != other["study"].get(key))]


def _replayed(folder: Path, content: dict[str, Any]) -> dict[str, Replay]:
    return {
        name: Replay(name, str(folder / each["file"]), each["requests"], each["length_s"])
        for name, each in content["topology"].get("replayed", {}).items()
    }


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a manifest."""
    from meshquake.topology.json_schema import array, block, choice, count, document, flag, mapping, number, text

    line, sha256 = text(pattern=r"^[^\x00-\x1f\x7f-\x9f]*$"), text(pattern="^[0-9a-f]{64}$")
    source = {"sha256": sha256, "text": text()}
    runs = count(minimum=1, maximum=MOST_RUNS)
    replay = block(
        "",
        {
            "file": text(pattern=r"^replayed/[0-9]{1,6}\.(csv|ndjson)$"),
            "requests": mapping("", line, count(minimum=1)),
            "length_s": number(minimum=0),
        },
    )
    until = block("", {"response": line, "relative": number(exclusiveMinimum=0, maximum=1), "at_most": runs})
    level = block("", {"label": line, "set": array("", text())})
    study = {
        "name": text(pattern=f"^{STUDY_NAME.pattern}$"),
        "summary": line,
        "calm": flag(),
        "set": array("", text()),
        "seed": count(maximum=2**63 - 1),
        "replications": runs,
        "until": {"anyOf": [{"type": "null"}, until]},
        "warm_up": {"anyOf": [number(minimum=0), choice("", [MSER])]},
        "responses": array("", block("", {"label": text(maxLength=LONGEST), "text": text(maxLength=LONGEST)})),
        "vary": array("", block("", {"name": line, "levels": array("", level)})),
        "sample": {"anyOf": [{"type": "null"}, count(minimum=1, maximum=MOST_CELLS)]},
        "cells": array("", array("", level), minItems=1, maxItems=MOST_CELLS),
    }
    return document(
        "ensemble",
        block(
            "What an ensemble is, and how to reproduce it.",
            {
                "format": {"const": FORMAT},
                "versions": mapping("", line, line),
                "scenario": block("", source),
                "topology": block("", source, {"replayed": mapping("", text(), replay)}),
                "study": block("", study),
            },
        ),
    )
