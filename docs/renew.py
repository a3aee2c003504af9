"""Makes those parts of the documentation anew that are made from the code: `python -m docs.renew`.

`cli.md` is what `--help` prints. In `records.md` the columns of a kind of record stand between
`<!-- columns of traces -->` and `<!-- end -->`, and in `databases.md` those of a table. The metrics stand in
`records.md` between `<!-- metrics -->` and `<!-- end -->`, and in `formats.md`, with their names in Prometheus, between
`<!-- families -->` and `<!-- end -->`. In `scenarios.md` the kinds of fault, with their docstrings, stand between
`<!-- kinds of fault -->` and `<!-- end of kinds -->`. Tables of keys are those of `topology.reference`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click

from meshquake.commands.main import main
from meshquake.exporters.databases.tables import FIXTURES, TRUTH, Table
from meshquake.exporters.formats.prometheus_names import FAMILIES
from meshquake.faults.fault import Fault
from meshquake.faults.kinds import fault_kinds
from meshquake.sim.records import RECORD_KINDS, Column, RecordKind
from meshquake.sim.telemetry.metrics import METRICS
from meshquake.topology.reference import renew as renew_keys
from meshquake.topology.reference import table

FOLDER = Path(__file__).parent
_LISTED: tuple[RecordKind | Table, ...] = (*RECORD_KINDS.values(), FIXTURES, *TRUTH)
_DESCRIBED = {each.name: each.columns for each in _LISTED}
_COLUMNS = re.compile(r"(<!-- columns of (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_METRICS = re.compile(r"(<!-- metrics -->\n).*?(<!-- end -->)", re.DOTALL)
_FAMILIES = re.compile(r"(<!-- families -->\n).*?(<!-- end -->)", re.DOTALL)
_KINDS = re.compile(r"(<!-- kinds of fault -->\n).*?(<!-- end of kinds -->)", re.DOTALL)
_CLI = """\
# The commands

What `--help` prints, command by command. This page is made by `python -m docs.renew`.

Exit statuses: 0 if all went well; 2 if something asked for or in a file is wrong, if the output can't be written, or
if a fixture in a list isn't whole; 130 after Ctrl-C. Results go to standard output; problems, warnings and the progress
bar to standard error. The bar appears on a terminal only, and in a pipe there are no control characters.
"""


def renewed() -> dict[Path, str]:
    """The pages with parts made from the code, as they should be."""
    topology, scenarios, records, databases, formats = (
        FOLDER / f"{name}.md" for name in ("topology", "scenarios", "records", "databases", "formats")
    )
    return {
        FOLDER / "cli.md": cli(),
        topology: renew_keys(_read(topology)),
        scenarios: _KINDS.sub(lambda match: f"{match[1]}{kinds()}{match[2]}", renew_keys(_read(scenarios))),
        records: _METRICS.sub(lambda match: f"{match[1]}{metrics()}{match[2]}", _renew_columns(_read(records))),
        databases: _renew_columns(_read(databases)),
        formats: _FAMILIES.sub(lambda match: f"{match[1]}{families()}{match[2]}", _read(formats)),
    }


def _renew_columns(page: str) -> str:
    return _COLUMNS.sub(lambda match: f"{match[1]}{columns(match[2])}{match[3]}", page)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def cli() -> str:
    """The page of the commands."""
    parts = (
        f"\n## {' '.join(words)}\n\n```text\n{context.get_help()}\n```\n"
        for words, context in _commands(main, "run.py")
    )
    return _CLI + "".join(parts)


def _commands(
    command: click.Command, name: str, parent: click.Context | None = None
) -> Iterator[tuple[list[str], click.Context]]:
    """A command and those below it, each with the words that call it."""
    # As wide as the page, whatever terminal this runs on.
    context = click.Context(command, parent, name, terminal_width=100, **command.context_settings)
    yield context.command_path.split(), context
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found is not None
            yield from _commands(found, below, context)


def kinds() -> str:
    """Every kind of fault: what it is, what it acts on, and the keys that not every fault has."""
    return "\n".join(_kind(word, kind) for word, kind in fault_kinds().items()) + "\n"


def _kind(word: str, kind: type[Fault]) -> str:
    heading, *rows = table(kind).splitlines(keepends=True)
    rule, *rows = [row for row in rows if row not in table(Fault).splitlines(keepends=True)[2:]]
    text = inspect.getdoc(kind) or ""
    keys = f"\n{heading}{rule}{''.join(rows)}" if rows else ""
    ranges = ", ".join(f"`{key}: {values}`" for key, values in kind.ranges.items()) or "nothing but a target"
    drawn = "" if kind.harmless else f" `any` draws {ranges}."
    return (
        f"### {word}\n\n{inspect.getmodule(kind).__doc__}\n\n{text}\n\nTarget: {', '.join(kind.levels)}.{drawn}\n{keys}"
    )


def columns(name: str) -> str:
    """The columns of a kind of record, or of a table of a database, as a table in Markdown."""
    rows = ["| column | type | meaning |", "|---|---|---|"]
    rows += [f"| `{column.name}` | {_type(column)} | {column.doc} |" for column in _DESCRIBED[name]]
    return "\n".join(rows) + "\n"


def metrics() -> str:
    """Every metric: its unit, what it is of, and what it means."""
    rows = ["| metric | unit | for | meaning |", "|---|---|---|---|"]
    rows += [
        f"| `{name}` | {metric.unit} | {', '.join(level.value for level in metric.levels)} | {metric.meaning} |"
        for name, metric in METRICS.items()
    ]
    return "\n".join(rows) + "\n"


def families() -> str:
    """The name and the type of each metric in Prometheus."""
    rows = ["| metric | name | type |", "|---|---|---|"]
    rows += [f"| `{name}` | `{each.name}{each.suffix}` | {each.type} |" for name, each in FAMILIES.items()]
    return "\n".join(rows) + "\n"


def _type(column: Column) -> str:
    return column.type + " or null" * column.nullable


if __name__ == "__main__":
    for path, text in renewed().items():
        path.write_text(text, encoding="utf-8", newline="\n")
