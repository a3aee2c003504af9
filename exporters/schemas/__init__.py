"""JSON Schemas (draft 2020-12) of a fixture's files: of a line of each kind of record, and of the manifest.

The `.schema.json` files in this folder are made from the code and come with the package, for those who read fixtures
without it. `python -m exporters.schemas` makes them anew.
"""

from __future__ import annotations

import json
from pathlib import Path

from exporters import manifest
from sim.records import KINDS

FOLDER = Path(__file__).parent


def files() -> dict[Path, str]:
    """What each schema file should hold."""
    schemas = {name: kind.json_schema() for name, kind in KINDS.items()} | {"manifest": manifest.json_schema()}
    return {
        FOLDER / f"{name}.schema.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        for name, schema in schemas.items()
    }
