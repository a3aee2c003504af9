"""The manifest: enough to tell whether a fixture is whole, and to make it again."""

import hashlib
import json
from importlib.metadata import version

import pytest
from click.testing import CliRunner

from exporters import key
from exporters.manifest import FORMAT, NAME, ManifestError, load
from faults.loader import shipped
from run import main
from sim.records import KINDS
from sim.version import VERSION
from topology.loader import shipped as meshes

OPTIONS = (
    "--duration 9 --lead-in 3 --recovery 2 --seed 11 --severity 0.5 --rate 12 --interval 2 --start 2025-06-01T12:00+02"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    output = tmp_path_factory.mktemp("output")
    result = CliRunner().invoke(main, ["outage", *OPTIONS.split(), "--quiet", "--output", str(output)])
    assert (result.exit_code, result.output) == (0, "")
    return output / "incidents" / "outage"


def test_it_says_what_was_played_and_how(folder):
    found = load(folder)
    scenario = shipped()["outage"].read_text(encoding="utf-8")
    topology = meshes()["ten-services"].read_text(encoding="utf-8")
    assert found["format"] == FORMAT
    assert found["scenario"] == {"name": "outage", "sha256": sha256(scenario.encode()), "text": scenario}
    assert found["topology"] == {"name": "ten-services", "sha256": sha256(topology.encode()), "text": topology}
    assert (found["seed"], found["start"]) == (11, "2025-06-01T10:00:00.000000+00:00")
    assert found["options"] == {
        "duration_s": 9.0,
        "lead_in_s": 3.0,
        "recovery_s": 2.0,
        "interval_s": 2.0,
        "rate_per_s": 12.0,
        "severity": 0.5,
        "confounders": "some",
    }


def test_it_names_every_version_that_decides_the_bytes(folder):
    others = {name: version(name) for name in ("numpy", "scipy", "simpy", "polars")}
    assert load(folder)["versions"] == {"meshquake": VERSION, **others}


def test_it_counts_and_hashes_each_file(folder):
    files = load(folder)["files"]
    assert list(files) == [*(f"{kind}.ndjson" for kind in KINDS), *key.FILES]
    for name, said in files.items():
        content = (folder / name).read_bytes()
        lines = {"records": content.count(b"\n")} if name.endswith(".ndjson") else {}
        assert said == {**lines, "bytes": len(content), "sha256": sha256(content)}


def test_what_it_holds_is_enough_to_make_the_same_bytes_again(folder, tmp_path):
    found = load(folder)
    for part in ("scenario", "topology"):
        (tmp_path / f"{part}.yaml").write_text(found[part]["text"], encoding="utf-8")
    options = found["options"]
    arguments = {
        "duration": options["duration_s"],
        "lead-in": options["lead_in_s"],
        "recovery": options["recovery_s"],
        "interval": options["interval_s"],
        "rate": options["rate_per_s"],
        "severity": options["severity"],
        "confounders": options["confounders"],
        "seed": found["seed"],
        "start": found["start"],
        "topology": tmp_path / "topology.yaml",
        "output": tmp_path,
    }
    words = [word for name, value in arguments.items() for word in (f"--{name}", str(value))]
    result = CliRunner().invoke(main, ["scenario", str(tmp_path / "scenario.yaml"), "--quiet", *words])
    assert result.exit_code == 0
    for name in (NAME, *found["files"]):
        assert (tmp_path / "incidents" / "outage" / name).read_bytes() == (folder / name).read_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "not a fixture: it has no manifest.json"),
        ("", "cannot be read"),
        ("{", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        (b"\xff", "cannot be read"),
        ("[]", "of format None; this version reads format 1"),
        (json.dumps({"format": 2}), "of format 2; this version reads format 1"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_told_apart(content, message, tmp_path):
    if content is not None:
        (tmp_path / "manifest.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ManifestError, match=message):
        load(tmp_path)


def sha256(content):
    return hashlib.sha256(content).hexdigest()
