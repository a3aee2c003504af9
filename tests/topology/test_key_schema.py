"""The schema of a key accepts what the binder reads, and refuses what the binder refuses."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from meshquake.faults.kinds import fault_kinds
from meshquake.faults.scenario import Scenario
from meshquake.topology import distribution_loader, distributions, policies, spec
from meshquake.topology.binder import keys_of, read
from meshquake.topology.document import Document
from meshquake.topology.key_schema import alternatives, block_of, keys_schema
from meshquake.topology.keys import Key, key
from meshquake.topology.units import UNITS
from tests import editor

#: The types of blocks in topology and scenario files.
TYPES = [
    *(
        value
        for module in (spec, policies, distributions, distribution_loader)
        for value in vars(module).values()
        if isinstance(value, type) and hasattr(value, "__dataclass_fields__")
    ),
    Scenario,
    *fault_kinds().values(),
]
#: Their keys with plain values.
GRAMMARS = {
    f"{cls.__name__}.{word}": found.grammar
    for cls in TYPES
    for word, found in keys_of(cls).items()
    if found.grammar.unit in UNITS
}
NUMBERS = (
    st.integers(-20, 2000).map(str)
    | st.decimals(-2, 200, places=3).map(str)
    | st.sampled_from(["0", "-0", "00.0", ".5", "5.", "+3", "86400", "1e3", "1.5E-2", "99999999", "0x10", "1_000"])
)
SUFFIXES = st.sampled_from(
    ["", *{unit: None for each in UNITS.values() for unit in each.scales}, "d", " s", "KB", "%%"]
)
TEXTS = st.builds("{}{}".format, NUMBERS, SUFFIXES) | st.sampled_from(
    ["none", "true", "no", "internal", "gateway", "a text", "1:30", "2024-01-15", "x: y", "[1]", "[]", "{}"]
)


def reads(grammar: Key, text: str) -> bool:
    """Return whether the binder accepts a text for a key."""
    document = Document.parse(text, "x")
    return read(document, grammar, document.root) is not MISSING


def accepts(grammar: Key, text: str) -> bool:
    """Return whether an editor accepts it."""
    return any(Draft202012Validator(each).is_valid(editor.value(text)) for each in alternatives(grammar))


@given(st.sampled_from(sorted(GRAMMARS)), TEXTS)
def test_what_the_binder_reads_is_valid(name: str, text: str) -> None:
    assert accepts(GRAMMARS[name], text) or not reads(GRAMMARS[name], text)


@given(st.sampled_from(sorted(GRAMMARS)), TEXTS)
def test_what_the_binder_refuses_is_not_valid_if_it_is_written_plainly(name: str, text: str) -> None:
    """An editor can't see how a number is written (`16.0`, `0x10`), and near a long bound a schema is lenient."""
    grammar = GRAMMARS[name]
    low, high = grammar.low and grammar.low * 0.999, grammar.high and grammar.high * 1.001
    assume(not reads(replace(grammar, low=low, high=high), text))
    assume("e" not in text.lower() and "x1" not in text and not (UNITS[grammar.unit].whole and "." in text))
    assert not accepts(grammar, text)


@dataclass(frozen=True)
class Block:
    """A block with every sort of key."""

    wait: float = key("duration", "how long", low=0, above=True, high=60)
    sizes: tuple[float, ...] = key("size", "several", (1024.0,), many=True)
    share: float | None = key("ratio", "a part", None, none=True, low=0, high=1)
    inner: policies.Retry | None = key("spec", "nested", None, none=True, spec=policies.Retry)
    on: bool = key("flag", "a switch", False)
    place: Any = key("other", "read by hand", None)


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("{wait: 5s}", True),
        ("{wait: 5s, sizes: [1KiB, 7], share: none, inner: {base: 1s}, on: true}", True),
        ("{wait: 5s, sizes: 7, inner: 3}", True),
        ("{wait: 5s, inner: none}", True),
        ("{wait: 5s, place: here}", False),
        ("{wait: 61s}", False),
        ("{wait: none}", False),
        ("{sizes: 7}", False),
        ("{wait: 5s, sizes: []}", False),
        ("{wait: 5s, inner: {bsae: 1s}}", False),
        ("{wait: 5s, wit: 6s}", False),
        ("[]", False),
        ("5s", False),
        ("", False),
    ],
)
def test_a_block_has_the_keys_of_its_type_and_no_others(text: str, valid: bool) -> None:
    assert (editor.complaints(block_of(Block), text) == []) == valid


def test_a_key_by_hand_is_as_its_schema_says() -> None:
    schema = block_of(Block, {"place": {"const": "here"}}, ["place"])
    texts = {"{wait: 1s, place: here}": True, "{wait: 1s, place: there}": False, "{wait: 1s}": False}
    assert {text: editor.complaints(schema, text) == [] for text in texts} == texts


def test_a_key_says_what_it_means_its_bounds_and_its_default() -> None:
    schemas = keys_schema(policies.Retry)
    assert schemas["max_attempts"]["description"] == "attempts for one call, the first included; from 1 to 10"
    assert [schemas[word].get("default") for word in ("max_attempts", "base", "budget")] == [3, "25ms", "none"]
    assert schemas["base"]["patternErrorMessage"] == "must be a duration such as 250ms, 1.5s or 2m, from 0s to 1m"


@pytest.mark.parametrize("cls", TYPES)
def test_the_default_of_a_key_is_valid(cls: type) -> None:
    for word, schema in keys_schema(cls).items():
        assert "default" not in schema or Draft202012Validator(schema).is_valid(schema["default"]), word
