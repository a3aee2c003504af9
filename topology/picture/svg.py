"""A drawing as SVG: a file of its own, or the elements of the mesh for a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from math import sqrt

from meshquake.topology.picture.drawing import LOOKS, Box, Drawing, Line, draw
from meshquake.topology.picture.labels import Point
from meshquake.topology.picture.style import Style, width
from meshquake.topology.spec import Topology
from meshquake.topology.units import counted, rate

# Lengths in pixels.
_MARGIN, _HEADER, _ROW = 32, 58, 26
_NARROWEST = 440
_TITLE, _SMALL = 20, 12

#: Fill and outline of boxes, by look. Looks differ in shape as well.
_COLOURS = {
    "gateway": ("#e7e5fb", "#5b4fc4"),
    "service": ("#e3eefb", "#2f6fb5"),
    "cache": ("#fdeed3", "#b7791f"),
    "database": ("#dcf3e4", "#2b8a57"),
    "queue": ("#fbe4ee", "#b5306f"),
    "external": ("#f1f1f3", "#6b7280"),
}
_INK, _FAINT, _PAPER, _FRAME = "#1f2430", "#5d6675", "#ffffff", "#d5d9e0"
_AGAINST = "#3f4757"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def svg(topology: Topology) -> str:
    """Return a picture of the mesh: services by kind, and the calls per second between them while it's healthy.

    Returns
    -------
    str
        A whole SVG document with its own background. The same topology gives the same text.

    Raises
    ------
    networkx.NetworkXUnfeasible
        If operations call each other in a cycle without a bound.
    """
    drawing = draw(topology)
    words = summary(topology)
    room = max(drawing.width, _NARROWEST, width(topology.name, _TITLE), width(words, _SMALL))
    signs, rows = legend(drawing, room)
    wide = round(2 * _MARGIN + room)
    high = round(2 * _MARGIN + _HEADER + drawing.height + _ROW * rows - 8)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" '
            f'font-family="{FONT}" role="img">',
            f"<title>{shown(topology.name)}</title>",
            f"<desc>{shown(words)}</desc>",
            f'<rect x="0.5" y="0.5" width="{wide - 1}" height="{high - 1}" rx="10" fill="{_PAPER}" stroke="{_FRAME}"/>',
            _text(_MARGIN, _MARGIN + 8, topology.name, _TITLE, _INK, weight=600),
            _text(_MARGIN, _MARGIN + 28, words, _SMALL, _FAINT),
            f'<g transform="translate({_MARGIN},{_MARGIN + _HEADER})">',
            *elements(drawing),
            "</g>",
            f'<g class="legend" transform="translate({_MARGIN},{_px(high - _MARGIN - _ROW * (rows - 0.5) + 10)})">',
            *signs,
            "</g>",
            "</svg>",
            "",
        ]
    )


def summary(topology: Topology) -> str:
    """Return a one-line summary of a mesh."""
    digits = 3 if topology.workload.populations else None  # the rate is an estimate then
    return f"{counted(len(topology.services), 'service')}, {rate(topology.workload.rate, digits=digits)} from users"


def elements(drawing: Drawing) -> list[str]:
    """Return the mesh as SVG elements, for a document with its own frame, which must be as large as the drawing.

    Services are groups with the classes `service` and their look, and the attribute `data-service`; calls are paths
    with the classes `call` and their course, and the attributes `data-caller` and `data-callee`. Both have their `id`,
    and colours as attributes, which any style sheet overrides.
    """
    looks = {box.service: box.look for box in drawing.boxes}
    busiest = max((line.rate for line in drawing.lines), default=0.0)
    size = _px(drawing.style.name * 0.64)
    return [
        "<defs>",
        *(_arrowhead(look, _COLOURS[look][1], size) for look in LOOKS),
        _arrowhead("left", _AGAINST, size),
        f'<marker id="from-users" viewBox="0 0 8 8" refX="4" refY="4" markerWidth="{size}" markerHeight="{size}" '
        f'markerUnits="userSpaceOnUse"><circle class="source" cx="4" cy="4" r="3.2" fill="{_FAINT}"/></marker>',
        "</defs>",
        '<g class="calls" fill="none">',
        *(_line(line, looks[line.callee], busiest, drawing.style) for line in drawing.lines),
        "</g>",
        '<g class="services" text-anchor="middle">',
        *(_service(box, drawing.style) for box in drawing.boxes),
        "</g>",
        f'<g class="rates" font-size="{_px(drawing.style.small)}" text-anchor="middle" fill="{_INK}">',
        *(_rates(drawing) if drawing.style.rates else ()),
        "</g>",
    ]


def shown(words: str) -> str:
    """Escape text for an XML document; characters that XML forbids, or that would reorder the text, become codes."""
    return escape("".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in words))


def _exact(words: str) -> str:
    """Escape text for an attribute that programs read: unprintable characters become references if XML allows it."""
    return "".join(escape(letter) if letter.isprintable() else _reference(letter) for letter in words)


def _reference(letter: str) -> str:
    code = ord(letter)
    # Char of XML 1.0 excludes control characters, surrogates and two others.
    legal = letter in "\t\n\r" or (code >= 0x20 and not 0xD800 <= code <= 0xDFFF and code not in (0xFFFE, 0xFFFF))
    return f"&#{code};" if legal else shown(letter)


# -- calls ------------------------------------------------------------------------------------------------------------


def _line(line: Line, look: str, busiest: float, style: Style) -> str:
    """Return an arrow to a service of a look; the busier, the thicker."""
    against = line.course == "against"
    colour = _AGAINST if against else _COLOURS[look][1]
    thickness = (1 + against / 2 + 2 * sqrt(line.rate / busiest) if busiest else 1) * style.name / 14
    head = "left" if against else look
    source = 'marker-start="url(#from-users)" ' if line.course == "users" else ""
    dashes = f' stroke-dasharray="{_px(style.name * 0.5)} {_px(style.name * 0.3)}"' if against else ""
    caller = line.caller or "users"
    return (
        f'<path id="{line.id}" class="call {line.course} to-{look}" data-caller="{_exact(line.caller)}" '
        f'data-callee="{_exact(line.callee)}" data-rate="{rate(line.rate, digits=2)}" '
        f'd="{path(line.curve)}" stroke="{colour}" '
        f'stroke-opacity="{0.75 if style.rates else 0.6}" stroke-width="{_px(thickness)}"{dashes} '
        f'{source}marker-end="url(#to-{head})"><title>{shown(caller)} \N{RIGHTWARDS ARROW} {shown(line.callee)}: '
        f"{rate(line.rate, digits=2)}</title></path>"
    )


def path(curve: Sequence[Point]) -> str:
    """Return the `d` of a path along cubic curves; straight ones become lines."""
    words = [f"M{_px(curve[0][0])},{_px(curve[0][1])}"]
    for place in range(0, len(curve) - 1, 3):
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = curve[place : place + 4]
        if y0 == y1 == y2 == y3:
            words.append(f"H{_px(x3)}")
        elif x0 == x1 == x2 == x3:
            words.append(f"V{_px(y3)}")
        else:
            words.append(f"C{_px(x1)},{_px(y1)} {_px(x2)},{_px(y2)} {_px(x3)},{_px(y3)}")
    return " ".join(words)


def _arrowhead(name: str, colour: str, size: str) -> str:
    return (
        f'<marker id="to-{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="{size}" markerHeight="{size}" '
        f'orient="auto" markerUnits="userSpaceOnUse"><path class="head" d="M0,0.5 L8,4 L0,7.5 Z" fill="{colour}"/>'
        "</marker>"
    )


def _rates(drawing: Drawing) -> Iterator[str]:
    """Yield the calls per second beside the lines, each letter with a rim in the paper's colour."""
    rim = f'class="rate" paint-order="stroke" stroke="{_PAPER}" stroke-width="4" stroke-linejoin="round"'
    for line in drawing.lines:
        x, y = line.label
        words = rate(line.rate, digits=2)
        if line.course == "users":
            above, at = y - drawing.style.small * 1.8, y - drawing.style.small * 0.6
            yield f'<text class="caption" x="{_px(x)}" y="{_px(above)}" fill="{_FAINT}">users</text>'
            yield f'<text x="{_px(x)}" y="{_px(at)}">{words}</text>'
        elif line.rate and line.course != "hanging":
            yield f'<text x="{_px(x)}" y="{_px(y + drawing.style.small * 0.35)}" {rim}>{words}</text>'


# -- services ---------------------------------------------------------------------------------------------------------


def _service(box: Box, style: Style) -> str:
    """Return a service: its outline, its name, and its caption."""
    middle = box.x + box.width / 2
    sag = box.height / 11 if box.look == "database" else 0.0
    size = style.small if box.hangs_from else style.name
    level = box.middle + sag + size * 0.35 - (style.small * 0.7 if box.caption else 0)
    weight = 400 if box.hangs_from else 600
    words = [
        f'<text x="{_px(middle)}" y="{_px(level)}" font-size="{_px(size)}" font-weight="{weight}" fill="{_INK}">'
        f"{shown(box.label)}</text>"
    ]
    if box.caption:
        below = level + style.small * 1.4
        words.append(
            f'<text class="caption" x="{_px(middle)}" y="{_px(below)}" font-size="{_px(style.small)}" fill="{_FAINT}">'
            f"{box.caption}</text>"
        )
    return (
        f'<g id="{box.id}" class="service {box.look}" data-service="{_exact(box.service)}" data-look="{box.look}">'
        f"<title>{shown(box.service)} ({box.look})</title>"
        f"{_outline(box.look, box.x, box.y, box.width, box.height)}{''.join(words)}</g>"
    )


def _outline(look: str, x: float, y: float, width: float, height: float) -> str:
    """Return a look's outline: cut or round corners, double sides, an upright or lying cylinder, a dashed frame."""
    fill, line = _COLOURS[look]
    style = f'class="outline" fill="{fill}" stroke="{line}" stroke-width="{1.5 if height > 24 else 1.1}"'
    detail = f'class="detail" fill="none" stroke="{line}"'
    right, bottom = x + width, y + height
    box = f'x="{_px(x)}" y="{_px(y)}" width="{_px(width)}" height="{_px(height)}"'
    if look == "gateway":
        cut = height / 5
        corners = [
            (x + cut, y), (right - cut, y), (right, y + cut), (right, bottom - cut),
            (right - cut, bottom), (x + cut, bottom), (x, bottom - cut), (x, y + cut),
        ]  # fmt: skip
        return f'<polygon points="{" ".join(f"{_px(a)},{_px(b)}" for a, b in corners)}" {style}/>'
    if look == "cache":
        bar = max(4.0, height / 8)
        sides = f"M{_px(x + bar)},{_px(y)} V{_px(bottom)} M{_px(right - bar)},{_px(y)} V{_px(bottom)}"
        return f'<rect {box} {style}/><path d="{sides}" {detail}/>'
    if look == "database":
        rise = height / 8
        arc, rim, low = f"{_px(width / 2)},{_px(rise)} 0 0", y + rise, bottom - rise
        body = f"M{_px(x)},{_px(rim)} A{arc} 1 {_px(right)},{_px(rim)} V{_px(low)} A{arc} 1 {_px(x)},{_px(low)} Z"
        return f'<path d="{body}" {style}/><path d="M{_px(x)},{_px(rim)} A{arc} 0 {_px(right)},{_px(rim)}" {detail}/>'
    if look == "queue":
        bulge = height / 5
        arc, begin, end = f"{_px(bulge)},{_px(height / 2)} 0 0", x + bulge, right - bulge
        body = f"M{_px(begin)},{_px(y)} H{_px(end)} A{arc} 1 {_px(end)},{_px(bottom)} H{_px(begin)}"
        return (
            f'<path d="{body} A{arc} 1 {_px(begin)},{_px(y)} Z" {style}/>'
            f'<path d="M{_px(end)},{_px(y)} A{arc} 0 {_px(end)},{_px(bottom)}" {detail}/>'
        )
    if look == "external":
        return f'<rect {box} {style} stroke-dasharray="5 3"/>'
    return f'<rect {box} rx="{_px(height / 6)}" {style}/>'


# -- legend -----------------------------------------------------------------------------------------------------------


def legend(drawing: Drawing, room: float) -> tuple[list[str], int]:
    """Return a legend of the shapes and arrows used, in rows no wider than `room`, and the number of rows."""
    courses = {line.course for line in drawing.lines}
    looks = {box.look for box in drawing.boxes}
    items = [(look, f'<g class="to-{look}">{_outline(look, 0, -9, 28, 18)}</g>') for look in LOOKS if look in looks]
    if not drawing.style.rates and "users" in courses:
        items.append(("users", _sign("M4,0 H28", "service", 'marker-start="url(#from-users)"')))
    meaning = "calls a second while nothing is wrong" if drawing.style.rates else "the thicker, the more calls"
    items.append((meaning, _sign("M0,0 H28", "service")))
    if "against" in courses:
        items.append(("a call against the flow", _sign("M28,0 H0", "left", 'stroke-dasharray="6 4"')))
    if "hanging" in courses:
        items.append(("calls none, and only the one above calls it", _sign("M4,-9 V0 H24", "service")))
    parts: list[str] = []
    x, y, rows = 0.0, 0, 1
    for words, sign in items:
        needed = 36 + 0.88 * width(words, _SMALL)
        if x and x + needed > room:
            x, y, rows = 0.0, y + _ROW, rows + 1
        parts.append(f'<g transform="translate({_px(x)},{y})">{sign}{_text(36, 4, words, _SMALL, _FAINT)}</g>')
        x += needed + 16
    return parts, rows


def _sign(course: str, head: str, more: str = "") -> str:
    """Return an arrow for a legend."""
    kind, colour = ("against", _AGAINST) if head == "left" else (f"to-{head}", _COLOURS[head][1])
    return (
        f'<path class="sign {kind}" d="{course}" fill="none" stroke="{colour}" stroke-width="1.6" {more} '
        f'marker-end="url(#to-{head})"/>'
    )


# -- words and lengths ------------------------------------------------------------------------------------------------


def _text(x: float, y: float, words: str, size: float, colour: str, weight: int = 400) -> str:
    return (
        f'<text x="{_px(x)}" y="{_px(y)}" font-size="{_px(size)}" font-weight="{weight}" fill="{colour}">'
        f"{shown(words)}</text>"
    )


def _px(length: float) -> str:
    """Format a length to a tenth of a pixel, without trailing zeros."""
    return f"{round(length, 1) + 0.0:g}"
