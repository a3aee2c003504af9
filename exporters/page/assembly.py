"""Assembly of a page into one document: templates, data, scripts, styles, and the scripts of the charting library.

The document refers to nothing outside of it, and its policy allows its own scripts only, by their hashes. Text from
elsewhere stays text, with every character visible.
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
import vl_convert  # noqa: F401 - fails on import of this module if it's missing
from markupsafe import Markup

from meshquake.exporters.page import charts

#: The package of the templates, scripts and styles that all pages share; a page may have more of its own.
SHARED: Final = "meshquake.exporters.page"
_BUNDLE: Final = "import sys, vl_convert; sys.stdout.buffer.write(vl_convert.javascript_bundle().encode())"
#: Characters that a browser obeys instead of showing: control characters and overrides of text direction.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)


@dataclass(frozen=True)
class Part:
    """A script or a style sheet, by package and file name."""

    name: str
    package: str = SHARED

    @property
    def text(self) -> str:
        """Read its content."""
        folder = "scripts" if self.name.endswith(".js") else "styles"
        return files(self.package).joinpath(folder, self.name).read_text(encoding="utf-8")


@dataclass(frozen=True)
class Page:
    """A document, and the hashes of the only scripts that may run in it, as a Content Security Policy names them."""

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
    """Assemble a page from its data.

    Parameters
    ----------
    template
        Name of the template, in `package` or among the shared ones.
    data
        The data of the page, which its scripts receive together with the specifications of the plots as `charts`.
    scripts, styles
        Scripts and style sheets; each may need only those before it.
    package
        The package with templates in addition to the shared ones.
    **more
        Further variables of the template.
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
    """Escape the invisible characters in the texts of a JSON value, so that a browser shows them."""
    if isinstance(value, str):
        return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", value)
    if isinstance(value, dict):
        return {plain(key): plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def embedded(value: Any) -> Markup:
    """Serialise a JSON value for use inside an HTML element: no tag can begin or end in it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


@cache
def library() -> str:
    """Return the scripts of Vega, Vega-Lite and Vega-Embed, which come with vl-convert.

    Bundling them holds 120 MB until its process ends, so it runs in a process of its own. Callers can do other work
    meanwhile.
    """
    made = subprocess.run([sys.executable, "-c", _BUNDLE], stdout=subprocess.PIPE, check=True)
    # In a block of its own, so that its short names stay out of the page's scripts.
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
