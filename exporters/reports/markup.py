"""Blocks for people as HTML, for notebooks and pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from meshquake.exporters.blocks import Block, Facts, Table


def markup(blocks: Iterable[Block]) -> str:
    """Render blocks as HTML. Names from outside are escaped."""
    return "".join(part for block in blocks for part in _parts(block))


def _parts(block: Block) -> Iterator[str]:
    if isinstance(block, Table):
        yield "<table class='plain'><thead><tr>"
        yield from (f"<th scope='col'>{escape(name)}</th>" for name in block.columns)
        yield "</tr></thead><tbody>"
        for row in block.rows:
            yield f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"
        yield "</tbody></table>"
    elif isinstance(block, Facts):
        yield "<table class='plain'><tbody>"
        yield from (
            f"<tr><th scope='row'>{escape(name)}</th><td>{escape(fact)}</td></tr>" for name, fact in block.facts
        )
        yield "</tbody></table>"
    elif block:
        yield f"<p>{escape(block)}</p>"
