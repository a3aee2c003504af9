"""`topology`: inspecting a file."""

import pytest
from commandline import ODD, call

from meshquake.commands import tables
from meshquake.exporters.reports import outline
from meshquake.topology import picture
from meshquake.topology.loader import load, shipped


def test_topology_check_says_ok_and_the_counts():
    mesh = load(shipped()["ten-services"]).topology
    result = call("topology", "check", shipped()["ten-services"])
    operations = sum(len(service.operations) for service in mesh.services)
    assert result.exit_code == 0
    assert result.stdout == (
        f"ok: ten-services: 10 services, {operations} operations, {len(mesh.edges)} edges, 5 entry operations\n"
    )


def test_topology_check_reports_every_problem_with_its_line_and_ends_with_status_2(tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text(
        "name: bad\nservices:\n  a: {workers: 0, operations: {x: {calls: [b.y]}}}\nworkload: {mix: {a.z: 1}}\n"
    )
    result = call("topology", "check", bad)
    assert (result.exit_code, result.stdout) == (2, "")
    assert [line.split(": ")[0] for line in result.stderr.splitlines()] == [f"{bad}:3", f"{bad}:3", f"{bad}:4"]


def test_topology_check_passes_what_is_merely_odd_with_a_warning(tmp_path):
    (tmp_path / "odd.yaml").write_text(ODD)
    result = call("topology", "check", tmp_path / "odd.yaml")
    assert result.exit_code == 0
    assert result.stdout == "ok: odd: 2 services, 2 operations, 0 edges, 1 entry operation\n"
    assert result.stderr.startswith(f"{tmp_path / 'odd.yaml'}:5: warning: ")


@pytest.mark.parametrize("file", [[], ["ten-services"], [shipped()["ten-services"]]])
def test_topology_show_prints_the_mesh_as_text(file):
    result = call("topology", "show", *file)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == tables.lines(outline.blocks(load(shipped()["ten-services"]).topology))


def test_topology_show_writes_pictures_and_then_no_text(tmp_path):
    mesh = load(shipped()["ten-services"]).topology
    dot, svg = tmp_path / "mesh.dot", tmp_path / "mesh.svg"
    result = call("topology", "show", "--dot", dot, "--svg", svg)
    assert (result.exit_code, result.output) == (0, "")
    assert (dot.read_text(encoding="utf-8"), svg.read_text(encoding="utf-8")) == (picture.dot(mesh), picture.svg(mesh))
    assert call("topology", "show", "--dot", "-").stdout == picture.dot(mesh)


def test_topology_show_writes_a_page_and_png_beside_each_other(tmp_path):
    pytest.importorskip("jinja2")
    pytest.importorskip("vl_convert")
    page, png = tmp_path / "mesh.html", tmp_path / "mesh.png"
    result = call("topology", "show", "--html", page, "--png", png)
    assert (result.exit_code, result.output) == (0, "")
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert png.read_bytes()[:4] == b"\x89PNG"


def test_a_picture_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    result = call("topology", "show", "--svg", tmp_path / "file" / "mesh.svg")
    assert (result.exit_code, result.stderr) == (
        2,
        f"{tmp_path / 'file' / 'mesh.svg'}: cannot be written: Not a directory\n",
    )


@pytest.mark.parametrize("arguments", [["show", "--svg"], ["generate", "--services", 10, "--output"]])
def test_the_folder_of_a_picture_or_a_mesh_is_made(arguments, tmp_path):
    file = tmp_path / "new" / "folder" / "x"
    assert call("topology", *arguments, file).exit_code == 0
    assert file.stat().st_size


def test_topology_generate_leaves_an_existing_file_as_it_is(tmp_path):
    file = tmp_path / "mesh.yaml"
    file.write_text("mine")
    result = call("topology", "generate", "--output", file)
    assert (result.exit_code, result.stderr) == (2, f"{file}: cannot be written: it already exists and is not empty\n")
    assert file.read_text() == "mine"
    file.write_text("")
    assert call("topology", "generate", "--services", 10, "--output", file).exit_code == 0


def test_topology_generate_writes_a_file_that_says_how_to_make_it_again(tmp_path):
    file = tmp_path / "mesh.yaml"
    result = call("topology", "generate", "--services", 10, "--seed", 3, "--rate", "12/s", "--output", file)
    assert (result.exit_code, result.output) == (0, "")
    (again,) = (line for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("# python run.py "))
    assert call(*again.removeprefix("# python run.py ").split()).stdout == file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--services", 9], "9 is not in the range 10<=x<=2000"),
        (["--services", 10, "--entries", 6], "--entries 6 is too many: users can call at most 5 of 10 services"),
        (["--rate", "0/s"], "must be more than 0"),
    ],
)
def test_topology_generate_says_what_it_cannot_make(options, told):
    result = call("topology", "generate", *options)
    assert result.exit_code == 2
    assert told in result.stderr
