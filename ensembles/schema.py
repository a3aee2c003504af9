"""The JSON Schema of study files, from the declarations that `ensembles.study_file` obeys.

The loader finds what a schema cannot express: paths that lead nowhere, responses that a mesh does not have.
"""

from __future__ import annotations

from meshquake.ensembles.response_text import LONGEST
from meshquake.ensembles.study import MSER
from meshquake.ensembles.study_file import StudyKeys
from meshquake.faults.loader import NAME
from meshquake.topology.json_schema import Schema, array, document, either, mapping, text
from meshquake.topology.key_schema import amount, block_of, matching
from meshquake.topology.keys import Key


def study_schema() -> Schema:
    """The schema of a study file (draft 2020-12)."""
    name = {"type": ["string", "number", "boolean"]} | matching(NAME.pattern, "letters, digits, `-` and `_`")
    path, value, asked = text(minLength=1), Schema(), text(minLength=1, maxLength=LONGEST)
    changes = mapping("values by their paths", path, value)
    values = either(
        "",
        array("values", value, minItems=1),
        mapping("values by their labels", text(), value, minProperties=1),
        {"type": ["string", "number"]},
    )
    time = {"type": ["number", "string"], "minimum": 0, "maximum": 0} | matching(
        f"{amount(Key('duration', '', low=0))}|{MSER}|none", f"a time such as 30s, {MSER}, or none"
    )
    by_hand = {
        "name": name,
        "set": changes,
        "vary": mapping("", path, values),
        "variants": mapping("", text(), changes, minProperties=1),
        "warm_up": time,
        "responses": either("", array("", asked, minItems=1), mapping("", text(), asked, minProperties=1), asked),
    }
    return document("study", block_of(StudyKeys, by_hand, doc="What is asked of many runs of a scenario."))
