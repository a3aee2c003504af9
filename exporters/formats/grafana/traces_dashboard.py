"""The dashboard of failed and slow requests, as Tempo finds them."""

from __future__ import annotations

from meshquake.exporters.formats.grafana.panels import Panel, Query, Row
from meshquake.exporters.formats.grafana.provisioning import TEMPO

_SERVICE = 'resource.service.name =~ "${service:pipe}"'


def rows() -> list[Row]:
    """Return the rows of the dashboard."""
    return [
        Row(
            "Requests",
            [
                _found("Failed", f"{{ {_SERVICE} && status = error }}"),
                _found("Slower than $slower", f"{{ {_SERVICE} && duration > $slower }}"),
                _found("Retries and hedges", f"{{ {_SERVICE} && span.mesh.attempt > 1 }}"),
                _found("Failed for users", "{ nestedSetParent < 0 && status = error }"),
            ],
        )
    ]


def _found(title: str, query: str) -> Panel:
    return Panel(title, [Query(query)], type="table", source=TEMPO, width=12)
