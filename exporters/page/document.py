"""The page as one file: data, templates, scripts and styles, and the charting library's scripts.

Nothing in the file refers to anything outside of it, and a Content Security Policy in it lets nothing be fetched: only
the page's own scripts run, which are named by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import vl_convert
from markupsafe import Markup

from meshquake.exporters.blocks import Block
from meshquake.exporters.fixtures import layout, staging
from meshquake.exporters.page import charts
from meshquake.exporters.page.content import content
from meshquake.exporters.page.sources import read
from meshquake.exporters.reports import marking
from meshquake.exporters.reports.markup import markup

#: In the order in which each needs those before it.
SCRIPTS = ("dom", "data", "choice", "axis", "plots", "mesh", "users", "spread", "services", "traces", "flame", "logs")
#: What a browser would obey and not show: control characters, and those that turn the direction of a text.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)


def write(
    folder: Path, target: Path, beside: Path | None = None, truth: bool = True, answers: Path | None = None
) -> None:
    """Write the page of a fixture, or of a case of a data set.

    Parameters
    ----------
    folder
        The fixture.
    target
        The file, which appears whole or not at all.
    beside
        Another fixture, shown beside it.
    truth
        Whether the page may tell what was wrong; if not it is an exercise.
    answers
        An answer to the fixture, to be marked on the page.

    Raises
    ------
    topology.exceptions.MeshquakeError
        If one of them is no fixture, or its files are not what they should be.
    OSError
        If the file cannot be written.
    """
    other = None if beside is None else read(beside, truth)
    mark = [] if answers is None else marking.report(folder, answers).blocks
    staging.write_text(target, document(content(read(folder, truth), other, exercise=not truth), mark))


def place(folder: Path, truth: bool = True) -> Path:
    """Where the page of a fixture is unless somebody says: beside its folder, which holds nothing but the fixture.

    That of a case of a data set is in the tree of truth if it tells of that.
    """
    trees = layout.case(folder)
    whole = folder if trees is None else trees[1 if truth else 0]
    whole = whole.resolve() if whole.name in ("", "..") else whole
    return whole.with_name(f"{whole.name}.report.html")


def document(data: dict[str, Any], mark: Sequence[Block] = ()) -> str:
    """The page of some content, and of the mark of an answer."""
    scripts = [_library(), *(_text("scripts", f"{name}.js") for name in (*SCRIPTS, "main"))]
    shown = plain(data)
    page = _templates().get_template("page.html.j2")
    return page.render(
        data=shown,
        mark=Markup(plain(markup(mark))),
        embedded=embedded(shown | {"charts": charts.page()}),
        scripts=scripts,
        styles=_text("styles", "page.css"),
        hashes=[f"'sha256-{_sha256(script)}'" for script in scripts],
    )


def plain(value: Any) -> Any:
    """A JSON value in whose texts every character is seen: what a browser would obey is written as an escape."""
    if isinstance(value, str):
        return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", value)
    if isinstance(value, dict):
        return {plain(key): plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def embedded(value: Any) -> Markup:
    """A JSON value as it may stand in an element of HTML: no tag can begin or end in it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


@cache
def _library() -> str:
    """The scripts of Vega, Vega-Lite and Vega-Embed, which come with vl-convert."""
    bundle: str = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # its stubs want what has a default
    # In a block of its own: its short names are no business of the page's scripts.
    return "{" + bundle.replace("</script", "<\\/script") + "}"


@cache
def _templates() -> jinja2.Environment:
    loader = jinja2.PackageLoader("meshquake.exporters.page", "templates")
    return jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


def _text(*names: str) -> str:
    return files("meshquake.exporters.page").joinpath(*names).read_text(encoding="utf-8")


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
