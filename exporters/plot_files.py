"""Write a plot into a folder: a self-contained HTML page and two pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import vl_convert

from meshquake.exporters.fixtures import staging


class Plot(Protocol):
    """An Altair chart."""

    def to_json(self) -> str:
        """Return the chart as Vega-Lite JSON."""

    def to_html(self, *, inline: bool) -> str:
        """Return the chart as an HTML page."""


def write(plot: Plot, folder: Path) -> None:
    """Write a plot as `plot.html`, `plot.svg` and `plot.png`; raises OSError."""
    picture = vl_convert.vegalite_to_svg(plot.to_json())
    staging.write_text(folder / "plot.svg", picture)
    staging.write_bytes(folder / "plot.png", vl_convert.svg_to_png(picture, scale=2))
    staging.write_text(folder / "plot.html", plot.to_html(inline=True))
