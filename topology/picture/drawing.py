"""The mesh as an SVG picture, drawn without help: layers from left to right, callers left of callees."""

from __future__ import annotations

from collections import defaultdict
from html import escape
from math import sqrt

from meshquake.topology.estimates import call_rates
from meshquake.topology.graph import depths
from meshquake.topology.picture.layout import arrange
from meshquake.topology.spec import SERVICE_KINDS, Service, Topology
from meshquake.topology.units import counted, rate

# Lengths in pixels.
_MARGIN = 32
_HEADER = 58
_LEGEND = 54
_BOX = 54
_SPACING = 30
_LANE = 26
_GAP = 132
_DOOR = 84
_BOW = 36
_NAME = 14
_SMALL = 12

#: By kind: fill and line of its box. Kinds differ in shape and in the word on them as well.
_COLOURS = {
    "gateway": ("#e7e5fb", "#5b4fc4"),
    "service": ("#e3eefb", "#2f6fb5"),
    "cache": ("#fdeed3", "#b7791f"),
    "database": ("#dcf3e4", "#2b8a57"),
    "external": ("#f1f1f3", "#6b7280"),
}
_INK, _FAINT, _PAPER, _FRAME = "#1f2430", "#5d6675", "#ffffff", "#d5d9e0"
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def svg(topology: Topology) -> str:
    """A picture of the mesh: services by kind, and the calls a second between them while it's healthy.

    Returns
    -------
    str
        A whole SVG document with its own background. The same topology gives the same text.

    Raises
    ------
    networkx.NetworkXUnfeasible
        If operations call each other in a cycle.
    """
    drawing = _Drawing(topology)
    width, height = drawing.width, drawing.height
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            f'font-family="{_FONT}" role="img">',
            f"<title>{escape(topology.name)}</title>",
            f"<desc>{escape(drawing.summary)}</desc>",
            "<defs>",
            *map(_arrowhead, SERVICE_KINDS),
            "</defs>",
            f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="10" fill="{_PAPER}" '
            f'stroke="{_FRAME}"/>',
            _text(_MARGIN, _MARGIN + 8, topology.name, 20, _INK, weight=600),
            _text(_MARGIN, _MARGIN + 28, drawing.summary, _SMALL, _FAINT),
            *drawing.edges(),
            *drawing.boxes(),
            *drawing.labels(),
            *drawing.legend(),
            "</svg>",
            "",
        ]
    )


class _Drawing:
    """Where everything is, and the elements of each part."""

    def __init__(self, topology: Topology) -> None:
        self._services = topology.services
        self._kinds = {service.name: service.kind for service in topology.services}
        self._rates = call_rates(topology)
        self._depths = depths(topology)
        self._users = _users(topology)
        self._layout = arrange(self._depths, self._rates, _BOX + _SPACING, _LANE)
        self._box = round(max(max(_width(s.name, _NAME), _width(_caption(s), _SMALL)) for s in topology.services)) + 32
        self._top = _MARGIN + _HEADER
        self._ports_in, self._ports_out = self._ports()
        digits = 3 if topology.workload.populations else None  # which is an estimate
        self.summary = (
            f"{counted(len(topology.services), 'service')}, {rate(topology.workload.rate, digits=digits)} from users"
        )
        layers = max(self._depths.values()) + 1
        self.width = round(2 * _MARGIN + _DOOR + layers * self._box + (layers - 1) * _GAP)
        self.width = max(self.width, round(2 * _MARGIN + self._legend_width()))
        self.height = round(self._top + self._layout.extent + _LEGEND)

    # -- elements -----------------------------------------------------------------------------------------------------

    def edges(self) -> list[str]:
        """Arrows of the calls, and of the users."""
        lines = []
        busiest = max([*self._rates.values(), *self._users.values()], default=0.0)
        for (caller, callee), calls in self._rates.items():
            path = self._path(caller, callee) if self._forward(caller, callee) else self._loop(caller, callee)
            lines.append(_arrow(path, self._kinds[callee], calls, busiest))
        for name, calls in self._users.items():
            tip = self._left(self._depths[name]), self._ports_in[name]["", name]
            lines.append(_arrow(_curve([(tip[0] - _DOOR + 20, tip[1]), tip]), self._kinds[name], calls, busiest))
        return lines

    def boxes(self) -> list[str]:
        """The services."""
        parts = []
        for service in self._services:
            x, y = self._left(self._depths[service.name]), self._centre(service.name) - _BOX / 2
            middle, sag = x + self._box / 2, 4 if service.kind == "database" else 0
            parts += [
                _shape(service.kind, x, y, self._box, _BOX),
                _text(middle, y + 24 + sag, service.name, _NAME, _INK, anchor="middle", weight=600),
                _text(middle, y + 41 + sag, _caption(service), _SMALL, _FAINT, anchor="middle"),
            ]
        return parts

    def labels(self) -> list[str]:
        """Calls a second."""
        parts = [_label(*self._middle(*edge), _calls(calls)) for edge, calls in self._rates.items() if calls]
        for name, calls in self._users.items():
            x, y = self._left(self._depths[name]) - _DOOR / 2 + 6, self._ports_in[name]["", name]
            parts += [
                _text(x, y - 22, "users", _SMALL, _FAINT, anchor="middle"),
                _text(x, y - 8, _calls(calls), _SMALL, _INK, anchor="middle"),
            ]
        return parts

    def legend(self) -> list[str]:
        """The kinds that occur, and what an arrow says."""
        x, y = float(_MARGIN), self.height - _MARGIN - 6
        parts = []
        for kind in self._kinds_present():
            parts += [_shape(kind, x, y - 9, 28, 18), _text(x + 36, y + 4, kind, _SMALL, _FAINT)]
            x += 36 + _width(kind, _SMALL) + 24
        parts.append(_arrow(_curve([(x, y), (x + 34, y)]), "service", 1, 4))
        parts.append(_text(x + 42, y + 4, _ARROW_MEANS, _SMALL, _FAINT))
        return parts

    # -- places -------------------------------------------------------------------------------------------------------

    def _left(self, layer: int) -> float:
        return _MARGIN + _DOOR + layer * (self._box + _GAP)

    def _centre(self, name: str) -> float:
        return self._top + self._layout.across[name]

    def _ports(self) -> tuple[dict[str, dict[tuple[str, str], float]], dict[str, dict[tuple[str, str], float]]]:
        """Where edges enter and leave each box: spread along its sides, in the order in which they come."""
        entering: dict[str, list[tuple[float, tuple[str, str]]]] = defaultdict(list)
        leaving: dict[str, list[tuple[float, tuple[str, str]]]] = defaultdict(list)
        for name in self._users:
            entering[name].append((float("-inf"), ("", name)))
        for caller, callee in self._rates:
            if not self._forward(caller, callee):
                continue
            lanes = [across for _, across in self._layout.lanes[caller, callee]]
            stops = [self._layout.across[caller], *lanes, self._layout.across[callee]]
            leaving[caller].append((stops[1], (caller, callee)))
            entering[callee].append((stops[-2], (caller, callee)))
        return (
            {name: _spread(self._centre(name), edges) for name, edges in entering.items()},
            {name: _spread(self._centre(name), edges) for name, edges in leaving.items()},
        )

    def _forward(self, caller: str, callee: str) -> bool:
        """Whether an edge leads to the right; not all do where services use each other in a circle."""
        return self._depths[caller] < self._depths[callee]

    def _path(self, caller: str, callee: str) -> str:
        """An edge to the right: out of a box, along its lanes, into a box."""
        edge = caller, callee
        points = [(self._left(self._depths[caller]) + self._box, self._ports_out[caller][edge])]
        for layer, across in self._layout.lanes[edge]:
            points += [(self._left(layer), self._top + across), (self._left(layer) + self._box, self._top + across)]
        return _curve([*points, (self._left(self._depths[callee]), self._ports_in[callee][edge])])

    def _loop(self, caller: str, callee: str) -> str:
        """An edge that leads back, or to the same layer: a bow from below one box to below the other."""
        (x0, y0), (x1, y1) = self._feet(caller, callee)
        return f"M{_px(x0)},{_px(y0)} C{_px(x0)},{_px(y0 + _BOW)} {_px(x1)},{_px(y1 + _BOW)} {_px(x1)},{_px(y1)}"

    def _feet(self, caller: str, callee: str) -> tuple[tuple[float, float], tuple[float, float]]:
        """Where such an edge begins and ends; a service that calls itself needs two places."""
        begin, end = (
            (self._left(self._depths[name]) + self._box * share, self._centre(name) + _BOX / 2)
            for name, share in ((caller, 0.6), (callee, 0.4))
        )
        return begin, end

    def _middle(self, caller: str, callee: str) -> tuple[float, float]:
        """Where an edge's label goes: on the lane of a long one, else nearer to the caller, where fewer edges cross."""
        edge = caller, callee
        if not self._forward(caller, callee):
            (x0, y0), (x1, y1) = self._feet(caller, callee)
            return (x0 + x1) / 2, (y0 + y1) / 2 + 0.75 * _BOW
        if lanes := self._layout.lanes[edge]:
            layer, across = lanes[len(lanes) // 2]
            return self._left(layer) + self._box / 2, self._top + across
        x0, y0 = self._left(self._depths[caller]) + self._box, self._ports_out[caller][edge]
        # A point of the curve: 28% of the way down where it's 38% of the way across.
        return x0 + 0.38 * _GAP, y0 + 0.28 * (self._ports_in[callee][edge] - y0)

    def _kinds_present(self) -> list[str]:
        return [kind for kind in SERVICE_KINDS if kind in self._kinds.values()]

    def _legend_width(self) -> float:
        kinds = sum(60 + _width(kind, _SMALL) for kind in self._kinds_present())
        return kinds + 42 + _width(_ARROW_MEANS, _SMALL)


_ARROW_MEANS = "calls a second while nothing is wrong"


def _users(topology: Topology) -> dict[str, float]:
    """Requests a second that users make to each service."""
    total = sum(entry.weight for entry in topology.workload.mix)
    users: dict[str, float] = defaultdict(float)
    for entry in topology.workload.mix:
        users[entry.service] += topology.workload.rate * entry.weight / total
    return users


def _spread(centre: float, edges: list[tuple[float, tuple[str, str]]]) -> dict[tuple[str, str], float]:
    """Ports around the centre of a box's side, for edges that come from, or lead to, these places."""
    step = min(10.0, (_BOX - 18) / max(1, len(edges) - 1))
    top = centre - step * (len(edges) - 1) / 2
    return {edge: top + step * index for index, (_, edge) in enumerate(sorted(edges, key=lambda edge: edge[0]))}


def _curve(points: list[tuple[float, float]]) -> str:
    """A smooth line to the right through points, level at each."""
    (x0, y0), *others = points
    path = f"M{_px(x0)},{_px(y0)}"
    for x1, y1 in others:
        middle = _px((x0 + x1) / 2)
        path += f" C{middle},{_px(y0)} {middle},{_px(y1)} {_px(x1)},{_px(y1)}"
        x0, y0 = x1, y1
    return path


def _arrow(path: str, kind: str, calls: float, busiest: float) -> str:
    """An arrow to a service of that kind; the busier the thicker."""
    thickness = 1 + 2 * sqrt(calls / busiest) if busiest else 1
    return (
        f'<path d="{path}" fill="none" stroke="{_COLOURS[kind][1]}" stroke-opacity="0.75" '
        f'stroke-width="{_px(thickness)}" marker-end="url(#to-{kind})"/>'
    )


def _caption(service: Service) -> str:
    return f"{service.kind}, {service.replicas} \N{MULTIPLICATION SIGN} {counted(service.workers, 'worker')}"


def _calls(calls: float) -> str:
    return rate(calls, digits=2)


def _shape(kind: str, x: float, y: float, width: float, height: float) -> str:
    """The outline of a kind: cut corners, round corners, double sides, a cylinder, a dashed frame."""
    fill, line = _COLOURS[kind]
    style = f'fill="{fill}" stroke="{line}" stroke-width="1.5"'
    right, bottom = x + width, y + height
    box = f'x="{_px(x)}" y="{_px(y)}" width="{_px(width)}" height="{_px(height)}"'
    if kind == "gateway":
        cut = height / 5
        corners = [
            (x + cut, y), (right - cut, y), (right, y + cut), (right, bottom - cut),
            (right - cut, bottom), (x + cut, bottom), (x, bottom - cut), (x, y + cut),
        ]  # fmt: skip
        return f'<polygon points="{" ".join(f"{_px(a)},{_px(b)}" for a, b in corners)}" {style}/>'
    if kind == "cache":
        bar = height / 8
        sides = f"M{_px(x + bar)},{_px(y)} V{_px(bottom)} M{_px(right - bar)},{_px(y)} V{_px(bottom)}"
        return f'<rect {box} {style}/><path d="{sides}" fill="none" stroke="{line}"/>'
    if kind == "database":
        arc = f"{_px(width / 2)},{_px(height / 8)} 0 0"
        rim, low = y + height / 8, bottom - height / 8
        body = f"M{_px(x)},{_px(rim)} A{arc} 1 {_px(right)},{_px(rim)} V{_px(low)} A{arc} 1 {_px(x)},{_px(low)} Z"
        lid = f"M{_px(x)},{_px(rim)} A{arc} 0 {_px(right)},{_px(rim)}"
        return f'<path d="{body}" {style}/><path d="{lid}" fill="none" stroke="{line}"/>'
    if kind == "external":
        return f'<rect {box} {style} stroke-dasharray="5 3"/>'
    return f'<rect {box} rx="{_px(height / 6)}" {style}/>'


def _arrowhead(kind: str) -> str:
    return (
        f'<marker id="to-{kind}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" orient="auto" '
        f'markerUnits="userSpaceOnUse"><path d="M0,0.5 L8,4 L0,7.5 Z" fill="{_COLOURS[kind][1]}"/></marker>'
    )


def _label(x: float, y: float, words: str) -> str:
    """Words on an edge, with a rim of paper around each letter."""
    rim = f'paint-order="stroke" stroke="{_PAPER}" stroke-width="5" stroke-linejoin="round"'
    return _text(x, y + 4, words, _SMALL, _INK, anchor="middle").replace("<text ", f"<text {rim} ", 1)


def _text(x: float, y: float, words: str, size: int, colour: str, anchor: str = "start", weight: int = 400) -> str:
    return (
        f'<text x="{_px(x)}" y="{_px(y)}" font-size="{size}" font-weight="{weight}" fill="{colour}" '
        f'text-anchor="{anchor}">{escape(words)}</text>'
    )


def _width(words: str, size: int) -> float:
    """Room for words in a sans-serif font that we don't know: the widest common ones take about this."""
    return size * sum(0.4 if letter in "ijlt.,-' " else 1.05 if letter in "mwMW" else 0.68 for letter in words)


def _px(length: float) -> str:
    """A length to a tenth of a pixel, without needless zeros."""
    return f"{round(length, 1) + 0.0:g}"
