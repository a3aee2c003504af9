"""The picture of a mesh as an interactive page in one self-contained file.

Its Content Security Policy allows only its own script and styles, by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

import jinja2
from markupsafe import Markup

from meshquake.topology.picture import draw, elements, legend, summary
from meshquake.topology.picture.svg import FONT, shown
from meshquake.topology.spec import Topology


def html(topology: Topology) -> str:
    """Return an HTML document with the picture; the same mesh gives the same text."""
    drawing = draw(topology)
    signs, rows = legend(drawing, 900)
    script, styles = _text("scripts/mesh.js"), _text("styles/mesh.css")
    return (
        _templates()
        .get_template("mesh.html.j2")
        .render(
            name=Markup(shown(topology.name)),
            summary=summary(topology),
            drawing=drawing,
            mesh=Markup("\n".join(elements(drawing))),
            legend=Markup("\n".join(signs)),
            rows=rows,
            font=FONT,
            script=Markup(script),
            styles=Markup(styles),
            hashes={"script": _hash(script), "styles": _hash(styles)},
        )
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _templates() -> jinja2.Environment:
    loader = jinja2.PackageLoader("meshquake.exporters.pictures", "templates")
    return jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)


def _text(name: str) -> str:
    return files("meshquake.exporters.pictures").joinpath(name).read_text(encoding="utf-8")
