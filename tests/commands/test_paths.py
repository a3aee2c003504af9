"""Paths on the command line: no command takes an empty one for the current folder, or an address for a path."""

from collections.abc import Iterator

import click
import pytest
from commandline import call

from meshquake.commands.main import main
from meshquake.commands.paths import LocalPath, Place


def _parameters(group: click.Group, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Parameter]]:
    for name, command in sorted(group.commands.items()):
        yield from (((*before, name), each) for each in command.params)
        if isinstance(command, click.Group):
            yield from _parameters(command, (*before, name))


ALL = [*_parameters(main)]
OF_PLACES = [(words, each) for words, each in ALL if isinstance(each.type, LocalPath | Place)]
OF_PATHS = [(words, each) for words, each in OF_PLACES if isinstance(each.type, LocalPath)]


def _named(case):
    words, parameter = case
    return " ".join((*words, parameter.opts[0]))


def _refused(words, parameter, value):
    """Return what a command says about a value of one of its parameters."""
    option = [parameter.opts[0]] if isinstance(parameter, click.Option) else []
    result = call(*words, *option, value)
    assert (result.exit_code, result.stdout) == (2, "")
    return " ".join(result.stderr.split())


@pytest.mark.parametrize("case", OF_PLACES, ids=_named)
def test_an_empty_place_is_refused_by_the_name_of_its_option(case):
    words, parameter = case
    name = parameter.opts[0] if isinstance(parameter, click.Option) else parameter.make_metavar(click.Context(main))
    said = _refused(words, parameter, "")
    assert "Invalid value for" in said and name.strip("[]") in said and said.endswith("must not be empty")


@pytest.mark.parametrize("address", ["s3://bucket/x", "file:/x"])
@pytest.mark.parametrize("case", OF_PATHS, ids=_named)
def test_an_address_is_refused_where_only_a_path_will_do(case, address):
    assert _refused(*case, address).endswith("must be a path on this machine, not an address")


def test_all_paths_are_of_these_types():
    assert len(OF_PATHS) > 40
    assert [
        words for words, each in ALL if isinstance(each.type, click.Path) and not isinstance(each.type, LocalPath)
    ] == []
    assert {("dataset",), ("dataset", "merge"), ("ensemble",), ("export",)} <= {words for words, _ in OF_PLACES}


def test_a_folder_whose_name_begins_like_an_address_can_be_named_all_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call("topology", "show", "--svg", "./s3:x.svg").exit_code == 0
    assert (tmp_path / "s3:x.svg").exists()
