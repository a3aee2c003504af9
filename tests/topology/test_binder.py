"""Blocks bound to types by the keys that these declare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshquake.topology.binder import Settings, bind, build, overlay, settings
from meshquake.topology.document import Document, Node
from meshquake.topology.keys import key
from meshquake.topology.policies import Retry, RetryBudget
from meshquake.topology.spec import Edge


@dataclass(frozen=True)
class Inner:
    """A nested block with a required key and a shorthand."""

    shorthand: ClassVar[str] = "size"
    size: int = key("count", "required", low=1)
    share: float = key("ratio", "optional", 0.5, low=0, high=1)


@dataclass(frozen=True)
class Outer:
    """A block with every sort of key."""

    id: str
    wait: float = key("duration", "required", low=0, above=True)
    for_: float = key("duration", "a keyword of Python", 1.0, low=0)
    tags: tuple[str, ...] = key("choice", "several", ("a",), choices=("a", "b"), many=True)
    inner: Inner | None = key("spec", "nested", None, none=True, spec=Inner)
    place: Any = key("other", "read by hand", None)


def bound(text: str, **options: Any) -> tuple[Outer | None, list[str]]:
    """Return the value that a text binds to, and the errors."""
    document = Document.parse(text, "x")
    outer = bind(document, Outer, document.root, id="i", **options)
    return outer, [str(problem) for problem in document.problems]


def upper_case(node: Node) -> str | None:
    """Parse by hand, refusing empty values."""
    return node.text.upper() or None


def test_every_key_is_read_in_its_unit() -> None:
    """Values arrive converted, nested blocks as instances, and hand-parsed keys as their parser returns them."""
    text = "{wait: 250ms, for: 2m, tags: [b, a], inner: {size: 3, share: 20%}, place: here}"
    outer, problems = bound(text, by_hand={"place": upper_case})
    assert problems == []
    assert outer == Outer("i", wait=0.25, for_=120.0, tags=("b", "a"), inner=Inner(3, 0.2), place="HERE")


def test_what_is_left_out_has_its_default() -> None:
    """Also within a nested block, which may be a single value."""
    assert bound("{wait: 1s, tags: b, inner: 3}") == (Outer("i", wait=1.0, tags=("b",), inner=Inner(3)), [])
    assert bound("{wait: 1s, inner: none}") == (Outer("i", wait=1.0), [])


def test_every_problem_of_a_block_is_reported_at_its_place() -> None:
    """Unknown, missing and refused keys at once, each with line, path and a correction."""
    outer, problems = bound("for: -1s\ntags: [a, c, d]\ninner:\n  siez: 3\n  share: 2\nplace: here\n")
    assert outer is None
    assert problems == [
        "x:1: for: must be at least 0s, not -1s",
        "x:2: tags[1]: cannot be 'c' (valid: a, b)",
        "x:2: tags[2]: cannot be 'd' (valid: a, b)",
        "x:4: inner: unknown key 'siez' (did you mean 'size'?)",
        "x:5: inner.share: must be at most 100%, not 2",
        "x:3: inner: missing key 'size'",
        "x:6: unknown key 'place' (valid: wait, for, tags, inner)",
        "x:1: missing key 'wait'",
    ]


def test_refused_values_leave_their_defaults() -> None:
    """So whatever depends on the block can still be checked."""
    outer, problems = bound("{wait: 1s, for: ever, tags: [], place: ''}", by_hand={"place": upper_case})
    assert outer == Outer("i", wait=1.0)
    assert problems == [
        "x:1: for: must be a duration such as 250ms, 1.5s or 2m, not 'ever'",
        "x:1: tags: must have at least one value",
    ]


def test_keys_that_the_caller_reads_itself_are_not_unknown() -> None:
    """`also` names them, for the check and for the suggestions."""
    assert bound("{wait: 1s, kind: x}", also=("kind",)) == (Outer("i", wait=1.0), [])
    assert bound("{wait: 1s, kin: x}", also=("kind",))[1] == ["x:1: unknown key 'kin' (did you mean 'kind'?)"]


@pytest.mark.parametrize("text", ["[]", "x", "''", "{inner: {}}"])
def test_what_lacks_a_required_key_binds_to_nothing(text: str) -> None:
    """Without it there is no instance, only an error that says so."""
    outer, problems = bound(text)
    assert outer is None
    assert problems


def layer(text: str) -> Settings:
    """Return the settings of a text for an edge."""
    document = Document.parse(text, "x")
    found = settings(document, Edge, document.root)
    document.check()
    return found


def test_layers_merge_key_by_key_and_deeply() -> None:
    """The upper one wins where both set a key, at any depth."""
    merged = overlay(
        Edge,
        layer("{timeout: 1s, retry: {max_attempts: 5, base: 50ms, budget: {ratio: 10%, window: 20s}}}"),
        layer("{balance: random, retry: {max_attempts: 2, budget: 30%}}"),
    )
    assert build(Edge, merged, caller="a", callee="b") == Edge(
        "a", "b", timeout=1.0, balance="random", retry=Retry(2, 0.05, budget=RetryBudget(0.3, window=20.0))
    )


def test_none_takes_away_a_block_and_a_block_over_none_starts_afresh() -> None:
    """Settings below `none` don't reappear."""
    below, none, above = layer("retry: {max_attempts: 5}"), layer("retry: none"), layer("retry: {base: 1ms}")
    off = build(Edge, overlay(Edge, below, none), caller="a", callee="b")
    on = build(Edge, overlay(Edge, overlay(Edge, below, none), above), caller="a", callee="b")
    assert off == Edge("a", "b")
    assert on == Edge("a", "b", retry=Retry(base=0.001))


BUDGETS = st.none() | st.fixed_dictionaries({}, optional={"ratio": st.floats(0, 1), "window": st.floats(1, 9)})
RETRIES = st.none() | st.fixed_dictionaries({}, optional={"max_attempts": st.integers(1, 9), "budget": BUDGETS})
LAYERS = st.fixed_dictionaries({}, optional={"timeout": st.none() | st.floats(1, 9), "retry": RETRIES})


@given(LAYERS, LAYERS)
def test_a_layer_over_nothing_under_nothing_and_over_itself_is_itself(one: Settings, other: Settings) -> None:
    """Merging with an empty layer, and merging a layer twice, change nothing."""
    assert overlay(Edge, {}, one) == one == overlay(Edge, one, {}) == overlay(Edge, one, one)
    merged = overlay(Edge, one, other)
    assert overlay(Edge, merged, other) == merged
