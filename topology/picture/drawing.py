"""The drawing of a mesh as places and curves, shared by everything that draws one.

Columns stand side by side, callers to the left of those they call. A call that passes columns gets a lane in each, so
that it runs between boxes and never through one; calls to the same service share their lanes. In the gaps between
columns, lines are curves that are level at both ends.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import networkx as nx

from meshquake.topology.estimates import call_rates
from meshquake.topology.picture.labels import Labels, Point
from meshquake.topology.picture.order import order
from meshquake.topology.picture.places import Room, places
from meshquake.topology.picture.ranks import ranks
from meshquake.topology.picture.style import Style, shortened, style_for, width
from meshquake.topology.spec import Service, Topology
from meshquake.topology.units import counted, rate

Pair = tuple[str, str]

#: Looks of services, in the order of legends: their kinds, and `queue` for services built with a message queue.
LOOKS = ("gateway", "service", "cache", "database", "queue", "external")
_BROKERS = ("kafka", "rabbitmq")

#: Indent of services that hang below their caller, the space above each, and the height of a self-call's bow.
_INDENT, _LEAF_GAP, _BOW = 16.0, 4.0, 16.0


@dataclass(frozen=True)
class Box:
    """A service in a drawing.

    Parameters
    ----------
    id
        Its element id in pages: `service-` and its number in the file, from 0.
    service
        Its name.
    label
        The name, shortened in the middle if it's long.
    caption
        A second line; empty if there is no room for one.
    look
        One of `LOOKS`.
    entry
        Whether users call it.
    column
        From 0, left to right.
    hangs_from
        The caller below which it hangs, if it calls no other service and no other service calls it; otherwise empty.
    x, y, width, height
        Its upper left corner, and its size.
    """

    id: str
    service: str
    label: str
    caption: str
    look: str
    entry: bool
    column: int
    hangs_from: str
    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The x of its right side."""
        return self.x + self.width

    @property
    def middle(self) -> float:
        """The y of its centre."""
        return self.y + self.height / 2


@dataclass(frozen=True)
class Line:
    """The calls from one service to another, or from users to a service.

    Parameters
    ----------
    id
        Its element id in pages: `call-` and the number of the edge in the file, from 0; for users, `users-` and the
        number of the service.
    caller, callee
        Names; for users, the caller is empty.
    rate
        Calls per second in the healthy mesh.
    course
        `forward`, `against` the flow, to `itself`, `hanging` below the caller, or of `users`.
    curve
        Cubic Bézier curves from the caller to the callee: a starting point, and then two control points and an end
        point for each.
    label
        The centre of the rate's text; the line's starting point if it is not written.
    """

    id: str
    caller: str
    callee: str
    rate: float
    course: str
    curve: tuple[Point, ...]
    label: Point


@dataclass(frozen=True)
class Drawing:
    """A drawn mesh: everything lies between 0 and `width`, 0 and `height`.

    Parameters
    ----------
    name
        The mesh.
    boxes, lines
        Services and edges in file order, then the calls of users.
    """

    name: str
    style: Style
    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class _Lane:
    """Where calls to a service pass a column; calls against the flow have a lane of their own."""

    callee: str
    against: bool
    column: int


_Slot = str | _Lane
#: From a slot to one in the next column, and whether calls pass it against the flow.
_Step = tuple[_Slot, _Slot, bool]


def draw(topology: Topology, rates: Mapping[Pair, float] | None = None, style: Style | None = None) -> Drawing:
    """Draw a mesh; the same mesh always gives the same drawing.

    Parameters
    ----------
    topology
        The mesh.
    rates
        The calls to draw, by caller and callee, with their number per second (default: the mesh's edges and their
        healthy rates).
    style
        Sizes (default: by the number of services).

    Raises
    ------
    networkx.NetworkXUnfeasible
        If operations call each other in a cycle without a bound.
    """
    return _Draft(
        topology, call_rates(topology) if rates is None else rates, style or style_for(len(topology.services))
    ).drawing()


def look(service: Service) -> str:
    """Return the look of a service, one of `LOOKS`."""
    stack = service.built_with
    return "queue" if stack is not None and stack.name in _BROKERS else service.kind


class _Draft:
    """The places of everything, found step by step: columns, what hangs where, order, levels, then lengths."""

    def __init__(self, topology: Topology, rates: Mapping[Pair, float], style: Style) -> None:
        self._topology = topology
        self._style = style
        self._rates = rates
        self._users = _users(topology)
        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from(service.name for service in topology.services)
        graph.add_edges_from(rates)
        self._host = _hanging(graph, self._users) if self._style.leaf else {}
        hung = defaultdict(list)
        for leaf, host in self._host.items():
            hung[host].append(leaf)
        self._hung = dict(hung)
        graph.remove_nodes_from(self._host)
        self._column, self._against = ranks(graph, self._users)
        self._itself = {caller for caller, callee in self._rates if caller == callee}
        self._chains = {pair: self._chain(*pair) for pair in graph.edges if pair[0] != pair[1]}
        self._steps = list(dict.fromkeys(step for pair in self._chains for step in self._steps_of(*pair)))
        neighbours = dict.fromkeys((left, right) for left, right, _ in self._steps)
        columns = order(self._filled(graph), neighbours)
        rooms = {slot: self._room(slot) for column in columns for slot in column}
        self._levels = places(columns, neighbours, rooms)
        self._height = max(self._levels[column[-1]] + rooms[column[-1]].below for column in columns if column)
        self._widths = self._column_widths()
        self._lefts = self._column_lefts()
        self._ports = self._spread()

    def drawing(self) -> Drawing:
        """Return the finished drawing."""
        boxes = tuple(self._box(number, each) for number, each in enumerate(self._topology.services))
        place = {box.service: box for box in boxes}
        lines = [
            self._line(f"call-{number}", place[caller], place[callee], calls)
            for number, ((caller, callee), calls) in enumerate(self._rates.items())
        ]
        lines = self._labelled(lines, boxes)
        for name, calls in self._users.items():
            lines.append(self._door(f"users-{place[name].id.removeprefix('service-')}", place[name], calls))
        return Drawing(
            self._topology.name, self._style, self._lefts[-1] + self._widths[-1], self._height, boxes, tuple(lines)
        )

    # -- columns ------------------------------------------------------------------------------------------------------

    def _chain(self, caller: str, callee: str) -> tuple[_Slot, ...]:
        """Return what a call passes from left to right: a service, lanes, and a service."""
        against = (caller, callee) in self._against
        left, right = (callee, caller) if against else (caller, callee)
        between = range(self._column[left] + 1, self._column[right])
        return (left, *(_Lane(callee, against, column) for column in between), right)

    def _steps_of(self, caller: str, callee: str) -> Iterator[_Step]:
        against = (caller, callee) in self._against
        return ((left, right, against) for left, right in pairwise(self._chains[caller, callee]))

    def _filled(self, graph: nx.DiGraph[str]) -> list[list[_Slot]]:
        """Return the content of each column, in the order in which it is met on the way from the users."""
        columns: list[dict[_Slot, None]] = [{} for _ in range(max(self._column.values()) + 1)]
        leaving: dict[str, list[tuple[_Slot, ...]]] = defaultdict(list)
        for chain in self._chains.values():
            leaving[str(chain[0])].append(chain)
        met = [each for user in self._users for each in nx.dfs_preorder_nodes(graph, user)]
        for name in dict.fromkeys([*met, *graph]):
            columns[self._column[name]][name] = None
            for chain in leaving[name]:
                columns_passed = range(self._column[name] + 1, self._column[name] + len(chain) - 1)
                for column, lane in zip(columns_passed, chain[1:-1], strict=True):
                    columns[column][lane] = None
        return [list(column) for column in columns]

    def _room(self, slot: _Slot) -> Room:
        style = self._style
        if isinstance(slot, _Lane):
            return Room(style.lane / 2, style.lane / 2, stiff=True)
        half = (style.box + style.spacing) / 2
        leaves = len(self._hung.get(slot, ())) * (style.leaf + _LEAF_GAP)
        return Room(half + (_BOW * 0.75 if slot in self._itself else 0), half + leaves)

    # -- lengths ------------------------------------------------------------------------------------------------------

    def _column_widths(self) -> list[float]:
        """Return the width of each column, which its longest label needs."""
        style = self._style
        widths = [style.narrowest] * (max(self._column.values()) + 1)
        for service in self._topology.services:
            host = self._host.get(service.name)
            label = width(shortened(service.name, style.letters), style.small if host else style.name)
            words = max(label, width(_caption(service), style.small)) if style.captions and not host else label
            column = self._column[host or service.name]
            widths[column] = max(widths[column], round(words) + style.name * 1.8 + (_INDENT if host else 0))
        return widths

    def _column_lefts(self) -> list[float]:
        """Return where each column begins; the steeper the lines in the gap before it, the wider the gap."""
        style = self._style
        climbs: dict[int, list[float]] = defaultdict(list)
        for left, right, _ in self._steps:
            climbs[self._column_of(right)].append(abs(self._levels[right] - self._levels[left]))
        lefts = [style.door + 14.0]
        for column, wide in enumerate(self._widths[:-1], start=1):
            steep = sum(climbs[column]) / len(climbs[column]) if climbs[column] else 0.0
            lefts.append(lefts[-1] + wide + round(style.gutter * (1 + min(2.0, steep / 500))))
        return lefts

    def _column_of(self, slot: _Slot) -> int:
        return slot.column if isinstance(slot, _Lane) else self._column[slot]

    # -- boxes and lines ----------------------------------------------------------------------------------------------

    def _box(self, number: int, service: Service) -> Box:
        style, name = self._style, service.name
        host = self._host.get(name, "")
        column = self._column[host or name]
        x, y, wide, height = self._lefts[column], 0.0, self._widths[column], style.box
        if host:
            above = style.box / 2 + _LEAF_GAP + self._hung[host].index(name) * (style.leaf + _LEAF_GAP)
            x, y, wide, height = x + _INDENT, self._levels[host] + above, wide - _INDENT, style.leaf
        else:
            y = self._levels[name] - style.box / 2
        return Box(
            f"service-{number}",
            name,
            shortened(name, style.letters),
            _caption(service) if style.captions and not host else "",
            look(service),
            name in self._users,
            column,
            host,
            x,
            y,
            wide,
            height,
        )

    def _line(self, id: str, begin: Box, end: Box, calls: float) -> Line:
        pair = begin.service, end.service
        if begin == end:
            course, curve = "itself", _bow(begin)
        elif end.hangs_from:
            course, curve = "hanging", _hook(begin, end)
        elif pair in self._against:
            course, curve = "against", self._smooth(pair)[::-1]
        else:
            course, curve = "forward", self._smooth(pair)
        return Line(id, *pair, calls, course, curve, curve[0])

    def _labelled(self, lines: Sequence[Line], boxes: Sequence[Box]) -> list[Line]:
        """Return the lines with places for their rates, if the style writes rates."""
        style = self._style
        if not style.rates:
            return list(lines)
        frames = [(box.x, box.y, box.right, box.y + box.height) for box in boxes]
        labels = Labels(frames, [line.curve for line in lines])
        return [
            replace(line, label=labels.place(number, line.curve, self._label_width(line.rate), style.small * 1.1))
            if line.rate and line.course != "hanging"
            else line
            for number, line in enumerate(lines)
        ]

    def _label_width(self, calls: float) -> float:
        return self._style.label or width(rate(calls, digits=2), self._style.small)

    def _door(self, id: str, box: Box, calls: float) -> Line:
        end = box.x, self._ports["", box.service, False][1]
        curve = (end[0] - self._style.door, end[1]), *_straight((end[0] - self._style.door, end[1]), end)
        return Line(id, "", box.service, calls, "users", curve, (end[0] - self._style.door / 2 - 4, end[1]))

    def _smooth(self, pair: Pair) -> tuple[Point, ...]:
        """Return a line to the right: a curve through each gap, straight along each lane."""
        curve: list[Point] = []
        for step in self._steps_of(*pair):
            y0, y1 = self._ports[step]
            before, behind = self._column_of(step[0]), self._column_of(step[1])
            x0, x1 = self._lefts[before] + self._widths[before], self._lefts[behind]
            curve += _straight(curve[-1], (x0, y0)) if curve else [(x0, y0)]
            curve += [((x0 + x1) / 2, y0), ((x0 + x1) / 2, y1), (x1, y1)]
        return tuple(curve)

    def _spread(self) -> dict[_Step, tuple[float, float]]:
        """Return the levels at which each step leaves its left slot and enters its right one.

        They are spread along the sides of boxes, ordered by where the steps come from or lead to; users enter above the
        others.
        """
        leaving: dict[_Slot, list[tuple[float, _Step]]] = defaultdict(list)
        entering: dict[_Slot, list[tuple[float, _Step]]] = defaultdict(list)
        for name in self._users:
            entering[name].append((float("-inf"), ("", name, False)))
        for step in self._steps:
            left, right, _ = step
            leaving[left].append((self._levels[right], step))
            entering[right].append((self._levels[left], step))
        out = {step: y for slot, steps in leaving.items() for step, y in self._side(slot, steps)}
        into = {step: y for slot, steps in entering.items() for step, y in self._side(slot, steps)}
        return {step: (out.get(step, y), y) for step, y in into.items()}

    def _side(self, slot: _Slot, steps: list[tuple[float, _Step]]) -> Iterator[tuple[_Step, float]]:
        room = 0.0 if isinstance(slot, _Lane) else 0.7 * self._style.box
        gap = min(10.0, room / max(1, len(steps) - 1))
        top = self._levels[slot] - gap * (len(steps) - 1) / 2
        for place, (_, step) in enumerate(sorted(steps, key=lambda each: (each[0], each[1][2]))):
            yield step, top + gap * place


def _users(topology: Topology) -> dict[str, float]:
    """Return the requests per second from users to each service."""
    total = sum(entry.weight for entry in topology.workload.mix)
    users: dict[str, float] = defaultdict(float)
    for entry in topology.workload.mix:
        users[entry.service] += topology.workload.rate * entry.weight / total
    return dict(users)


def _hanging(graph: nx.DiGraph[str], users: Mapping[str, float]) -> dict[str, str]:
    """Return the services that call nobody and have a single caller, each with that caller."""
    return {
        name: next(graph.predecessors(name))
        for name in graph
        if graph.out_degree(name) == 0 and graph.in_degree(name) == 1 and name not in users
    }


def _caption(service: Service) -> str:
    return f"{service.replicas} \N{MULTIPLICATION SIGN} {counted(service.workers, 'worker')}"


def _straight(begin: Point, end: Point) -> tuple[Point, Point, Point]:
    """Return a straight line as a curve."""
    (x0, y0), (x1, y1) = begin, end
    return ((2 * x0 + x1) / 3, (2 * y0 + y1) / 3), ((x0 + 2 * x1) / 3, (y0 + 2 * y1) / 3), end


def _hook(host: Box, leaf: Box) -> tuple[Point, ...]:
    """Return the curve from below a box, down its left side, to a box that hangs there."""
    x = host.x + _INDENT / 2
    begin, corner, end = (x, host.y + host.height), (x, leaf.middle), (leaf.x, leaf.middle)
    return begin, *_straight(begin, corner), *_straight(corner, end)


def _bow(box: Box) -> tuple[Point, ...]:
    """Return the curve from the top of a box back to it."""
    begin, end = box.x + 0.66 * box.width, box.x + 0.34 * box.width
    return (begin, box.y), (begin, box.y - _BOW), (end, box.y - _BOW), (end, box.y)
