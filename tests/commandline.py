"""The command line, called as a person or a program would, and the files it leaves."""

import json

from click.testing import CliRunner

from meshquake.commands.main import main

#: A mesh that is valid but odd: nobody calls one of its services.
ODD = """
name: odd
services:
  a: {operations: {x: {}}}
  idle: {operations: {y: {}}}
workload: {rate: 5/s, mix: {a.x: 1}}
"""


def call(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


def play(output, *arguments):
    """Play something short into a folder; returns its machine-readable summary."""
    result = call(*arguments, "--json", "--output", output)
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)


def files_of(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def manifest(folder):
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
