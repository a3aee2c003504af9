"""A page as one document: templates, data, scripts and styles, and the charting library's scripts.

Nothing in it refers to anything outside of it, and only the scripts run that are in it, by their hashes. Text that
comes from elsewhere stays text, and every character of it is seen.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import jinja2
import vl_convert  # noqa: F401 - where it's missing, that is told when this is imported
from markupsafe import Markup

from meshquake.exporters.page import charts

#: Where the templates, scripts and styles of every page are; a page may have more of its own.
SHARED: Final = "meshquake.exporters.page"
_BUNDLE: Final = "import sys, vl_convert; sys.stdout.buffer.write(vl_convert.javascript_bundle().encode())"
#: What a browser would obey and not show: control characters, and those that turn the direction of a text.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)


@dataclass(frozen=True)
class Part:
    """A script or a style sheet, by its name in a package."""

    name: str
    package: str = SHARED

    @property
    def text(self) -> str:
        """What is in it."""
        folder = "scripts" if self.name.endswith(".js") else "styles"
        return files(self.package).joinpath(folder, self.name).read_text(encoding="utf-8")


@dataclass(frozen=True)
class Page:
    """A document, and the only scripts that may run in it, as a Content Security Policy names them."""

    text: str
    scripts: str


def assembled(
    template: str,
    data: dict[str, Any],
    scripts: Sequence[Part],
    styles: Sequence[Part],
    package: str = SHARED,
    **more: Any,
) -> Page:
    """A page of some data.

    Parameters
    ----------
    template
        Its name, among those of `package` or the shared ones.
    data
        What the page shows; its scripts get it, and the specifications of the plots as `charts`.
    scripts, styles
        In the order in which each needs those before it.
    package
        Where there are more templates than the shared ones.
    **more
        What else the templates want.
    """
    texts = [library(), *(script.text for script in scripts)]
    hashes = " ".join(f"'sha256-{_sha256(text)}'" for text in texts)
    shown = plain(data)
    text = (
        _templates(package)
        .get_template(template)
        .render(
            data=shown,
            embedded=embedded(shown | {"charts": charts.page()}),
            scripts=texts,
            styles="\n".join(style.text for style in styles),
            hashes=hashes,
            **more,
        )
    )
    return Page(text, hashes)


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
def library() -> str:
    """The scripts of Vega, Vega-Lite and Vega-Embed, which come with vl-convert.

    What makes them keeps 120 MB for as long as its process lives, so it has one of its own; whoever has other work can
    do that meanwhile.
    """
    made = subprocess.run([sys.executable, "-c", _BUNDLE], stdout=subprocess.PIPE, check=True)
    # In a block of its own: its short names are no business of the page's scripts.
    return "{" + made.stdout.decode().replace("</script", "<\\/script") + "}"


@cache
def _templates(package: str) -> jinja2.Environment:
    loaders = [jinja2.PackageLoader(each, "templates") for each in dict.fromkeys((package, SHARED))]
    return jinja2.Environment(
        loader=jinja2.ChoiceLoader(loaders),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
