"""The task `mitigate` of Inspect: a model mitigates an incident, and is marked by the harm that it averted."""

from math import isnan

import pytest

pytest.importorskip("inspect_ai")

from inspect_ai import eval as evaluate
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from mending import MENDINGS

from meshquake.agents.inspect.mitigate import FIGURES, mitigate, seeds_of
from meshquake.agents.mitigation import LiveDesk, LiveIncident
from meshquake.agents.mitigation.marks import marks
from meshquake.topology.exceptions import MeshquakeError

TEXT = """
name: crisis
lead_in: 15s
duration: 40s
recovery: 5s
confounders: none
faults:
  - {}
"""
CALLS = [
    ("get_brief", {}),
    ("restart", {"target": "databse"}),
    ("restart", {"target": "cache-service"}),
    ("toggle_flag", {"target": "database"}),
    ("finish", {}),
]


@pytest.fixture
def crisis(tmp_path):
    (tmp_path / "crisis.yaml").write_text(TEXT.format(MENDINGS["refuse"].incident))
    return str(tmp_path / "crisis.yaml")


def answers(*calls):
    """Yield the outputs of a model that makes some tool calls; for None it only talks."""
    for call in calls:
        yield ModelOutput.for_tool_call("mockllm/model", *call) if call else ModelOutput.from_content("mockllm", "Hm.")


def spoken(outputs):
    """Add token counts to outputs, which a library would otherwise compute with the network."""
    for output in outputs:
        output.usage = ModelUsage()
        yield output


def sample_of(task, folder, *calls):
    model = get_model("mockllm/model", custom_outputs=spoken(answers(*calls)))
    (log,) = evaluate(task, model=model, log_dir=str(folder), display="none")
    assert log.status == "success", log.error
    (sample,) = log.samples
    return sample


def test_a_model_has_the_marks_that_the_same_calls_have_in_python(crisis, tmp_path):
    sample = sample_of(mitigate(scenario=crisis, seeds=3, pace=2), tmp_path / "logs", *CALLS)
    incident = LiveIncident.of(crisis, seed=3)
    incident.until_alert()
    desk = LiveDesk.of(incident, pace=2)
    for tool, arguments in CALLS:
        desk.ask(tool, arguments)
    expected = marks(incident.finish())
    assert sample.store["scenario"] == incident.scenario()
    assert sample.scores["relief"].metadata == expected
    assert sample.scores["relief"].value == {name: expected[name] for name in FIGURES}
    assert (expected["remedies"], expected["elsewhere"]) == (2, 1) and expected["averted_share"] > 0.5
    assert [each["tool"] for each in sample.store["audit"]] == [tool for tool, _ in CALLS]
    assert "crisis" not in sample.input and sample.id == "incident-3"


def test_a_model_that_does_nothing_averts_nothing(crisis, tmp_path):
    sample = sample_of(mitigate(scenario=crisis, seeds="3"), tmp_path, None, None, None, None)
    found = dict(sample.scores["relief"].value)
    assert found.pop("harm") == found.pop("harm_doing_nothing") > 0
    assert found == {"averted_share": 0.0, "averted_of_best": 0.0, "remedies": 0, "elsewhere": 0}


def test_seeds_are_told_by_ranges():
    assert seeds_of("1-3, 7,2") == [1, 2, 3, 7]
    for wrong in ("", "3-1", "one", "-5", "1;2"):
        with pytest.raises(MeshquakeError, match="must be seeds such as 1-10 or 3,7"):
            seeds_of(wrong)
    with pytest.raises(MeshquakeError, match="cascde: no such file"):
        mitigate(scenario="cascde")


def test_where_nothing_is_wrong_a_share_of_the_harm_is_left_out_and_nobody_is_paged(tmp_path):
    (tmp_path / "quiet.yaml").write_text(TEXT.partition("faults:")[0])
    sample = sample_of(mitigate(scenario=str(tmp_path / "quiet.yaml"), seeds=3), tmp_path)
    found = sample.scores["relief"].value
    assert isnan(found["averted_share"]) and isnan(found["averted_of_best"])
    assert (found["harm"], found["remedies"], sample.store["audit"]) == (0, 0, [])
