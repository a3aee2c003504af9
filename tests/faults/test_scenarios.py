"""The scenarios that ship with the package."""

import json

import pytest
from click.testing import CliRunner
from patience import USUAL, every

from meshquake.commands.main import main
from meshquake.exporters.fixtures.writing import place
from meshquake.faults.loader import load, shipped

#: The arguments that play each scenario, and the folder of its fixture below the output folder.
COMMANDS = {
    "normal": (["normal"], "normal"),
    "degradation": (["degradation"], "incidents/degradation"),
    "outage": (["outage"], "incidents/outage"),
    "cascade": (["cascade"], "incidents/cascade"),
    "deployment": (["deployment"], "incidents/deployment"),
    "transient": (["noise", "--noise-type", "transient"], "noise/transient"),
    "high_volume": (["noise", "--noise-type", "high-volume"], "noise/high_volume"),
    "intermittent": (["noise", "--noise-type", "intermittent"], "noise/intermittent"),
}


def test_eight_scenarios_come_with_the_package():
    assert set(shipped()) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_shipped_file_loads_without_a_warning_is_named_as_its_file_and_has_its_folder(name, tmp_path):
    loaded = load(shipped()[name])
    assert loaded.scenario.name == name
    assert loaded.warnings == ()
    assert place(tmp_path, loaded.scenario) == tmp_path / COMMANDS[name][1]


def test_the_incident_lasts_90_seconds_in_the_cascade_and_60_elsewhere():
    durations = {name: load(path).scenario.duration for name, path in shipped().items()}
    assert durations == dict.fromkeys(COMMANDS, 60.0) | {"cascade": 90.0}


def test_incidents_have_a_minute_before_and_after_and_recordings_have_none():
    for name, path in shipped().items():
        scenario = load(path).scenario
        around = (60.0, 60.0) if scenario.group == "incident" else (0.0, 0.0)
        assert (scenario.lead_in, scenario.recovery) == around, name


@pytest.mark.parametrize("name", every(COMMANDS, USUAL))
def test_a_command_plays_just_its_file(name, tmp_path):
    """The command, and `scenario` with its file, write the same bytes; the load is low to be quick."""
    arguments, folder = COMMANDS[name]
    manifests = []
    for command in (arguments, ["scenario", str(shipped()[name])]):
        output = tmp_path / str(len(manifests))
        result = CliRunner().invoke(main, [*command, "--rate", "0.2", "--quiet", "--output", str(output)])
        assert (result.exit_code, result.output) == (0, "")
        manifests.append((output / folder / "manifest.json").read_bytes())
    assert manifests[0] == manifests[1]
    assert json.loads(manifests[0])["scenario"]["text"] == shipped()[name].read_text(encoding="utf-8")
