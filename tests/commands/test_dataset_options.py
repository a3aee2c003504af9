"""The options of `dataset`: meshes, difficulty, and the errors for incompatible combinations."""

import json

from click.testing import CliRunner
from small_cases import SMALL

from meshquake.commands.main import main


def run(*arguments):
    result = CliRunner().invoke(main, ["dataset", *map(str, arguments)])
    return result.exit_code, result.output


def test_a_difficulty_and_latent_cases_do_not_go_together(tmp_path):
    status, text = run("--output", tmp_path / "set", "--difficulty", "hard", "--latent")
    assert status == 2
    assert "--latent keeps cases that no user feels, but --difficulty allows none: leave one of them out" in text


def test_a_difficulty_that_is_none_is_refused(tmp_path):
    status, text = run("--output", tmp_path / "set", "--difficulty", "harder")
    assert status == 2 and "'harder' is not one of 'easy', 'mixed', 'hard'" in text


def test_a_folder_without_topologies_is_refused(tmp_path):
    status, text = run("--output", tmp_path / "set", "--topologies", tmp_path)
    assert (status, text) == (2, f"{tmp_path}: must be a folder with topology files, *.yaml\n")


def test_all_that_is_wrong_with_all_meshes_is_told_at_once(tmp_path):
    (tmp_path / "a.yaml").write_text(SMALL)
    (tmp_path / "b.yaml").write_text(SMALL)
    (tmp_path / "c.yaml").write_text(SMALL.replace("workers", "wrokers"))
    status, text = run("--output", tmp_path / "set", "--topologies", tmp_path)
    assert status == 2
    assert f"{tmp_path / 'b.yaml'}: name: is the second mesh called small" in text
    assert text.count("unknown key 'wrokers' (did you mean 'workers'?)") == 2


def test_meshes_are_those_that_are_named_and_those_of_a_folder(tmp_path):
    (tmp_path / "meshes").mkdir()
    (tmp_path / "one.yaml").write_text(SMALL)
    (tmp_path / "meshes" / "two.yaml").write_text(SMALL.replace("name: small", "name: other"))
    options = ["--topology", tmp_path / "one.yaml", "--topologies", tmp_path / "meshes", "--cases", 1, "--processes", 1]
    status, text = run("--output", tmp_path / "set", *options, "--json", "--quiet")
    assert status == 0
    assert [mesh["name"] for mesh in json.loads(text)["topologies"]] == ["small", "other"]


def test_a_mesh_that_is_neither_a_file_nor_shipped_is_reported_with_its_nearest_name_and_the_others(tmp_path):
    named = ["--topology", "online-boutiqe", "--topology", tmp_path / "none.yaml"]
    assert run("--output", tmp_path / "set", *named) == (
        2,
        f"{tmp_path}/none.yaml: no such file\n"
        "online-boutiqe: no such file or shipped mesh (did you mean 'online-boutique'?)\n",
    )


def test_topology_files_of_a_folder_may_end_in_capital_letters(tmp_path):
    (tmp_path / "a.YAML").write_text(SMALL)
    (tmp_path / "b.Yml").write_text(SMALL)
    status, text = run("--output", tmp_path / "set", "--topologies", tmp_path)
    assert (status, text) == (
        2,
        f"{tmp_path}/b.Yml: name: is the second mesh called small: each needs a name of its own\n",
    )
