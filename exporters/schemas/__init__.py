"""JSON Schemas (draft 2020-12) of a fixture's files: of a line of each kind of record, of the manifest, of the
answer key, and of an answer.

The `.schema.json` files in this folder are made from the code and come with the package, for those who read fixtures
without it. `python -m exporters.schemas` makes them anew.
"""

from __future__ import annotations

import json
from pathlib import Path

from exporters import answers, manifest
from sim.records import KINDS
from sim.truth import schema

FOLDER = Path(__file__).parent


def files() -> dict[Path, str]:
    """What each schema file should hold."""
    schemas = {name: kind.json_schema() for name, kind in KINDS.items()}
    schemas |= {"manifest": manifest.json_schema(), "answers": answers.json_schema()}
    schemas |= {"ground_truth": schema.ground_truth(), "verdicts": schema.verdict()}
    return {
        FOLDER / f"{name}.schema.json": json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        for name, content in schemas.items()
    }
