"""Every format that records can be written in: a line each. What writes it is imported when it's used."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from meshquake.exporters.fixtures.layout import TRUTH
from meshquake.topology.exceptions import MeshquakeError
from meshquake.topology.plugins import Extensible

if TYPE_CHECKING:
    from pathlib import Path

    from meshquake.exporters.formats.context import Context
    from meshquake.exporters.formats.imported import Imported
    from meshquake.exporters.formats.sink import Sink


class FormatError(MeshquakeError):
    """A recording that a format can't hold, or a format that lacks what it is made from."""


@dataclass(frozen=True)
class Format:
    """A format.

    Attributes
    ----------
    name
        As the command line and a fixture's folder have it.
    summary
        What it is, in a few words.
    module
        Has a function `sink(target: Path, context: Context) -> Sink`, where `target` is an empty folder.
    extra
        The extra that installs what it needs besides the core; None for nothing.
    truth
        Whether it has a place for what was wrong (`Context.truth`).
    needs_truth
        Whether it can't be made without that: then it is made of fixtures only, since while simulating nobody knows it.
    protocol
        The protocol that takes the same to an address (`exporters.sending.protocols`); None if there is none.
    histograms
        Whether it has histograms of durations (`Context.histograms`).
    reader
        Has a function `read(folder: Path) -> Imported`, which reads what others have written in it; None for nothing.
    """

    name: str
    summary: str
    module: str
    extra: str | None = None
    truth: bool = False
    needs_truth: bool = False
    protocol: str | None = None
    histograms: bool = False
    reader: str | None = None

    def read(self, folder: Path) -> Imported:
        """What a folder in this format holds, as records of ours, where there is a `reader`.

        Raises
        ------
        FormatError
            If the folder isn't in this format; with all that is wrong.
        """
        assert self.reader is not None
        found: Imported = import_module(self.reader).read(folder)
        return found

    def sink(self, target: Path, context: Context) -> Sink:
        """What writes records in this format into an empty folder.

        Raises
        ------
        exporters.extras.MissingExtraError
            If a library that it needs isn't installed.
        FormatError
            If it can't be made without the truth, which the context lacks; or can't hold such a recording.
        OSError
            If a file can't be made.
        """
        from meshquake.exporters import extras

        if self.needs_truth and context.truth is None:
            raise FormatError(
                f"format {self.name} is made of a fixture and its answer key: `export FIXTURE --format {self.name} "
                "--with-truth --output FOLDER`"
            )
        sink: Sink = extras.load(self.module, self.extra, f"format {self.name}").sink(target, context)
        return sink


def _misfit(name: str, value: Any) -> str:
    """Why an object from outside isn't the format of a name; empty if it is."""
    if not isinstance(value, Format):
        return "must be a meshquake.extending.Format"
    if value.name != name:
        return f"must have the name of its entry point: name={name!r}"
    try:
        module = import_module(value.module)
    except Exception as error:
        return f"its module {value.module} cannot be imported: {type(error).__name__}: {error}"
    return "" if callable(getattr(module, "sink", None)) else f"its module {value.module} has no function sink"


#: Those that come with the package, by name.
_OWN = {
    each.name: each
    for each in (
        Format("ndjson", "the four files of a fixture, without its manifest", "meshquake.exporters.formats.ndjson"),
        Format(
            "otlp",
            "OpenTelemetry: traces, logs and metrics as JSON lines",
            "meshquake.exporters.formats.otlp",
            protocol="otlp-http",
            histograms=True,
        ),
        Format("jaeger", "traces for Jaeger's file upload", "meshquake.exporters.formats.jaeger"),
        Format("zipkin", "spans for Zipkin", "meshquake.exporters.formats.zipkin"),
        Format(
            "openmetrics",
            "metrics as text that Prometheus and VictoriaMetrics import",
            "meshquake.exporters.formats.openmetrics",
            protocol="remote-write",
        ),
        Format(
            "parquet",
            "a table for each kind of record, typed and compressed",
            "meshquake.exporters.formats.parquet",
            "parquet",
        ),
        Format("csv", "a table for each kind of record, for spreadsheets", "meshquake.exporters.formats.csv"),
        Format(
            "perfetto",
            "a trace for ui.perfetto.dev: calls, flows, counters",
            "meshquake.exporters.formats.perfetto.sink",
            "perfetto",
        ),
        Format(
            "grafana",
            "dashboards and data sources for what `send` sends, as files for Grafana's provisioning",
            "meshquake.exporters.formats.grafana.sink",
        ),
        Format("rcaeval", "a case for RCAEval and BARO", "meshquake.exporters.formats.rcaeval", truth=True),
        Format("openrca", "a system's tree for OpenRCA", "meshquake.exporters.formats.openrca", truth=True),
        Format(
            "openrca2",
            "a case for OpenRCA 2.0: two windows as Parquet, what was injected, and the causal graph",
            "meshquake.exporters.formats.openrca2.pack",
            "parquet",
            truth=True,
            needs_truth=True,
            reader="meshquake.exporters.formats.openrca2.read_pack",
        ),
    )
}

#: All formats, by name. A fixture has a folder `truth` already.
FORMATS: Extensible[Format] = Extensible("meshquake.formats", _OWN, _misfit, reserved=(TRUTH,))
