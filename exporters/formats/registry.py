"""The registry of formats. Their modules are imported only when they are used."""

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
    """A format can't hold a recording, or lacks what it needs."""


@dataclass(frozen=True)
class Format:
    """A format.

    Attributes
    ----------
    name
        Its name on the command line, and that of its folder in a fixture.
    summary
        A description in a few words.
    module
        A module with a function `sink(target: Path, context: Context) -> Sink`, where `target` is an empty folder.
    extra
        The extra that installs the libraries it needs; None if the core has them.
    truth
        Whether it can include the truth (`Context.truth`).
    needs_truth
        Whether it requires the truth. Then it can only be exported from fixtures, since the truth isn't known during
        a run.
    protocol
        The protocol that sends the same to an address (`exporters.sending.protocols`); None if there is none.
    histograms
        Whether it has histograms of durations (`Context.histograms`).
    reader
        A module with a function `read(folder: Path) -> Imported`, which imports recordings in this format; None if
        there is none.
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
        """Import a recording from a folder in this format, which must have a `reader`.

        Raises
        ------
        FormatError
            If the folder isn't in this format; it lists every problem.
        """
        assert self.reader is not None
        found: Imported = import_module(self.reader).read(folder)
        return found

    def sink(self, target: Path, context: Context) -> Sink:
        """Return a sink that writes records in this format into an empty folder.

        Raises
        ------
        exporters.extras.MissingExtraError
            If a library that it needs isn't installed.
        FormatError
            If the format requires the truth and the context lacks it, or it can't hold such a recording.
        OSError
            If a file can't be made.
        """
        from meshquake.exporters import extras

        if self.needs_truth and context.truth is None:
            raise FormatError(
                f"format {self.name} needs a fixture with its answer key: `export FIXTURE --format {self.name} "
                "--with-truth --output FOLDER`"
            )
        sink: Sink = extras.load(self.module, self.extra, f"format {self.name}").sink(target, context)
        return sink


def _misfit(name: str, value: Any) -> str:
    """Say why an object from a plug-in isn't a valid format of a name; empty if it is."""
    if not isinstance(value, Format):
        return "must be a meshquake.extending.Format"
    if value.name != name:
        return f"must have the name of its entry point: name={name!r}"
    try:
        module = import_module(value.module)
    except Exception as error:
        return f"its module {value.module} cannot be imported: {type(error).__name__}: {error}"
    return "" if callable(getattr(module, "sink", None)) else f"its module {value.module} has no function sink"


#: The formats that come with the package, by name.
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

#: All formats, by name. The name `truth` is reserved: fixtures have a folder of that name.
FORMATS: Extensible[Format] = Extensible("meshquake.formats", _OWN, _misfit, reserved=(TRUTH,))
