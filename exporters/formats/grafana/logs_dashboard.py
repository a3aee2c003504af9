"""The dashboard of log lines and events, filtered by service, level and text."""

from __future__ import annotations

from meshquake.exporters.formats.grafana.panels import Panel, Query, Row, lines
from meshquake.exporters.formats.grafana.provisioning import LOKI

_CHOSEN = '{service_name=~"${service:pipe}", level=~"${level:pipe}", source="logs"} |= `$search`'


def rows() -> list[Row]:
    """Return the rows of the dashboard."""
    return [
        Row(
            "Volume",
            [
                Panel(
                    "By level",
                    [Query(f"sum by (level) (count_over_time({_CHOSEN} [$__interval]))", "{{level}}")],
                    source=LOKI,
                    width=12,
                ),
                Panel(
                    "By service",
                    [Query(f"sum by (service_name) (count_over_time({_CHOSEN} [$__interval]))", "{{service_name}}")],
                    source=LOKI,
                    width=12,
                ),
            ],
        ),
        Row("Events", [lines("Events", '{service_name=~"${service:pipe}", source="events"}')]),
        Row("Lines", [lines("Lines", _CHOSEN)]),
    ]
