"""The examples of docs/mitigation.md are working Python that mends what the page says."""

import re
from pathlib import Path

import pytest

import meshquake

PAGE = Path(meshquake.__file__).parent / "docs" / "mitigation.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.slow
def test_an_incident_is_mended():
    names = {}
    exec(EXAMPLES[0], names)
    assert names["found"].share > 0.9
    assert [alert["entry"] for alert in names["seen"]["alerts"]]


@pytest.mark.slow
def test_a_learner_plays_an_episode():
    names = {}
    exec(EXAMPLES[1], names)
    assert names["over"] and names["info"]["now"] == 210
