"""Reads what an operation does for a request: steps of calls and work, one after another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from meshquake.topology.binder import ByHand, bind
from meshquake.topology.counts import count
from meshquake.topology.distribution_loader import distribution
from meshquake.topology.document import Document, Node
from meshquake.topology.loading.names import Names
from meshquake.topology.spec import Branch, Call, Group, Link, Sequence, Work

#: Keys that a call cannot have if it follows another call.
NOT_FOLLOWING = ("probability", "times", "at_once", "on_miss", "on_success", "on_failure", "depth")
#: Stands in place of a call: own work.
WORK = "work"


@dataclass(frozen=True)
class WrittenCall:
    """A call and its place in the file."""

    service: str
    operation: str
    call: Call
    node: Node

    @property
    def caller(self) -> str:
        """The operation that makes it, as `service.operation`."""
        return f"{self.service}.{self.operation}"


class CallReader:
    """Reads the calls of all operations of a document; `written` has them in file order."""

    def __init__(self, document: Document, names: Names) -> None:
        self._document = document
        self._names = names
        self.written: list[WrittenCall] = []

    def steps(self, service: str, operation: str, node: Node) -> tuple[Group, ...]:
        """Read steps, which are made one after another.

        In a list of steps, a nested list holds concurrent branches, and a list within that holds steps again.
        """
        steps = []
        for step in node.items if node.kind == "list" else [node]:
            together = step.items if step.kind == "list" else [step]
            if not together:
                self._document.error(step, "must have at least one call")
            branches = [self._branch(service, operation, item) for item in together]
            steps.append(tuple(branch for branch in branches if branch is not None))
        return tuple(steps)

    def _branch(self, service: str, operation: str, node: Node) -> Branch | None:
        """Read one element of a group."""
        if node.kind == "list":
            if not node.items:
                self._document.error(node, "must have at least one call")
            return Sequence(self.steps(service, operation, node))
        if _is_work(node):
            return self._work(node)
        return self._call(service, operation, node)

    def _call(self, service: str, operation: str, node: Node, follows: bool = False) -> Call | None:
        """Read a call: `service.operation`, alone or with keys. `follows` says whether it follows another call."""
        document = self._document
        if node.kind == "list":
            document.error(node, "must be a call, not a list")
            return None
        if node.kind == "scalar":
            target, keys = node.text, None
        elif len(node.entries) == 1:
            ((target, keys),) = node.entries.items()
        else:
            document.error(node, "must be one call: make each call a separate item")
            return None
        names = self._names.target(target, keys or node)
        if names is None:
            return None
        position = len(self.written)
        call = Call(*names) if keys is None else self._call_with_keys(service, operation, names, keys, follows)
        if call is not None:
            # Before the calls on its miss, which were read with it: file order decides the order of edges.
            self.written.insert(position, WrittenCall(service, operation, call, keys or node))
        return call

    def _call_with_keys(
        self, service: str, operation: str, names: tuple[str, str], keys: Node, follows: bool
    ) -> Call | None:
        by_hand: ByHand = {
            "on_miss": partial(self._chain, service, operation),
            "on_success": partial(self._chain, service, operation),
            "on_failure": partial(self._chain, service, operation),
            "times": partial(count, self._document),
        }
        call = bind(self._document, Call, keys, by_hand, service=names[0], operation=names[1])
        if "on_miss" in keys.entries and "hit_rate" not in keys.entries:
            self._document.error(keys.entries["on_miss"], "needs a hit_rate beside it")
        if "on_success" in keys.entries and "hit_rate" in keys.entries:
            message = "a successful lookup is a hit or a miss: use on_miss, or make it the next step"
            self._document.error(keys.entries["on_success"], message)
        if "on_failure" in keys.entries and "hit_rate" in keys.entries:
            self._document.error(keys.entries["on_failure"], "a failed lookup is a miss: use on_miss")
        if "at_once" in keys.entries and "times" not in keys.entries:
            self._document.error(keys.entries["at_once"], "needs times beside it")
        for word in NOT_FOLLOWING:
            if follows and word in keys.entries:
                self._document.error(keys.entries[word], "does not apply to a call that follows another")
        return call

    def _chain(self, service: str, operation: str, node: Node) -> tuple[Link, ...]:
        """Read the calls and the own work that follow a call."""
        items = node.items if node.kind == "list" else [node]
        links = [
            self._work(item) if _is_work(item) else self._call(service, operation, item, follows=True) for item in items
        ]
        return tuple(link for link in links if link is not None)

    def _work(self, node: Node) -> Work | None:
        time = distribution(self._document, node.entries[WORK])
        return None if time is None else Work(time)


def _is_work(node: Node) -> bool:
    """Whether an element of an operation's calls is own work."""
    return node.entries.keys() == {WORK}
