"""Whole log lines in a team's own format, as a `telemetry:` block says."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from meshquake.topology.telemetry.logs import FIELD, Format

#: The values that a format may name, as expressions over log records.
_VALUES: dict[str, pl.Expr] = {
    **{name: pl.col(name) for name in ("timestamp", "service", "level", "logger", "message")},
    **{name: pl.col(name).fill_null("") for name in ("replica", "trace_id", "span_id")},
    "severity": pl.col("level").str.to_lowercase(),
    # The message as a JSON string: an object of it alone, with the key and the braces cut off.
    "json": pl.struct("message").struct.json_encode().str.slice(len('{"message":')).str.strip_suffix("}"),
}


class LogFormat:
    """Formats whole log lines.

    Parameters
    ----------
    formats
        The formats; of several for a service, the last one counts.
    services
        The services of the mesh.
    """

    def __init__(self, formats: Iterable[Format], services: Iterable[str]) -> None:
        listed = list(formats)
        chosen = {name: each.line for name in services for each in listed if each.has(name)}
        self._services = {line: [name for name in chosen if chosen[name] == line] for line in chosen.values()}

    def __bool__(self) -> bool:
        return bool(self._services)

    def of(self, lines: pl.DataFrame) -> pl.DataFrame:
        """Return log records with their messages in these formats."""
        message = pl.col("message")
        for line, services in self._services.items():
            message = pl.when(pl.col("service").is_in(services)).then(_written(line)).otherwise(message)
        return lines.with_columns(message=message)


def _written(line: str) -> pl.Expr:
    pieces = FIELD.split(line)
    return pl.concat_str(_VALUES[piece] if place % 2 else pl.lit(piece) for place, piece in enumerate(pieces))
