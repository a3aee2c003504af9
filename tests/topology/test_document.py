"""Documents: values that know their position, and files that are no documents."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from meshquake.topology import document as document_module
from meshquake.topology.document import LARGEST, MOST_ERRORS, Document
from meshquake.topology.problems import DocumentError, Problem, suggestion


def refusal(text: str) -> str:
    """Return the error message for a text."""
    with pytest.raises(DocumentError) as caught:
        Document.parse(text, "x").check()
    return str(caught.value)


@pytest.fixture(params=[document_module._LOADER, yaml.SafeLoader], ids=["fast", "pure"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parametrise over both of PyYAML's parsers, since not every installation has the fast one."""
    monkeypatch.setattr(document_module, "_LOADER", request.param)


def test_values_know_their_path_and_lines() -> None:
    """Every value has its path, its own line and that of its key."""
    document = Document.parse("a:\n  b: [1, {c: 'x'}]\nd:\n  - e\n  -\n    f: >\n      g\n", "x")
    places = [(node.path, node.kind, node.key_line, node.line) for node in document.root.walk()]
    assert places == [
        ("", "map", 1, 1),
        ("a", "map", 1, 2),
        ("a.b", "list", 2, 2),
        ("a.b[0]", "scalar", 2, 2),
        ("a.b[1]", "map", 2, 2),
        ("a.b[1].c", "scalar", 2, 2),
        ("d", "list", 3, 4),
        ("d[0]", "scalar", 4, 4),
        ("d[1]", "map", 6, 6),
        ("d[1].f", "scalar", 6, 6),
    ]


def test_scalars_are_texts() -> None:
    """No value or key becomes a boolean, a date, a number or null."""
    document = Document.parse("{on: no, 1.10: 1_000, y: 2024-01-15, n: null, o: 0o17, t: 1:30}", "x")
    assert {key: node.text for key, node in document.root.entries.items()} == {
        "on": "no",
        "1.10": "1_000",
        "y": "2024-01-15",
        "n": "null",
        "o": "0o17",
        "t": "1:30",
    }


def test_only_the_plain_word_none_is_none() -> None:
    """In quotes it is a text like any other."""
    document = Document.parse("[none, 'none', \"none\", None]", "x")
    assert [node.is_none for node in document.root.items] == [True, False, False, False]


def test_find_gives_the_nearest_node_that_exists() -> None:
    """A path into an omitted part leads to the nearest existing ancestor."""
    document = Document.parse("edges:\n  a -> b: {timeout: 1s}\nlist: [x, [y]]", "x")
    for path, found in [
        ("edges.a -> b.timeout", "edges.a -> b.timeout"),
        ("edges.a -> b.retry.base", "edges.a -> b"),
        ("edges.b -> c", "edges"),
        ("list[1][0].z", "list[1][0]"),
        ("list[7]", "list"),
        ("workload.mix", ""),
        ("", ""),
    ]:
        assert document.find(path).path == found


def test_a_problem_prints_as_one_line() -> None:
    """File, line, path, message; a missing line or path is left out."""
    assert str(Problem("m.yaml", 12, "a.b", "must be at least 1, not 0")) == "m.yaml:12: a.b: must be at least 1, not 0"
    assert str(Problem("m.yaml", 0, "", "no such file")) == "m.yaml: no such file"
    assert str(Problem("m.yaml", 3, "a", "is odd", warning=True)) == "m.yaml:3: warning: a: is odd"


def test_a_problem_gives_no_orders_to_a_terminal() -> None:
    """Control characters in names are escaped; letters of any script are kept."""
    assert str(Problem("m.yaml", 1, "caf\u00e9.\x1b[2J", "two\nlines")) == "m.yaml:1: caf\u00e9.\\x1b[2J: two\\nlines"


def test_problems_are_reported_together_and_by_line() -> None:
    """Errors and warnings come in one list in file order; warnings alone don't stop anything."""
    document = Document.parse("a: 1\nb: 2\nc: 3", "x")
    document.warn(document.find("b"), "is odd")
    document.check()
    document.error(document.find("c"), "is wrong")
    document.error(document.find("a"), "is wrong too")
    with pytest.raises(DocumentError) as caught:
        document.check()
    assert str(caught.value) == "x:1: a: is wrong too\nx:2: warning: b: is odd\nx:3: c: is wrong"


def test_reading_stops_after_so_many_errors() -> None:
    """The list of errors in a hopeless file is bounded, and says so."""
    problems = refusal("\n".join("a: 1" for _ in range(10 * MOST_ERRORS))).splitlines()
    assert len(problems) == MOST_ERRORS + 1
    assert problems[-1].endswith("100 errors: reading stopped here")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x:1: is empty"),
        ("# nothing\n", "x:1: is empty"),
        ("a: 1\nb: [", "x:2: is not YAML: "),
        ("a: 1\n\tb: 2", "x:2: is not YAML: indent with spaces, not tabs"),
        ("a:\n  b: 1\n  \tc: 2", "x:3: is not YAML: indent with spaces, not tabs"),
        ("a: 1\nb: \x07", "x:2: is not YAML: character '\\x07' is not allowed"),
        ("\x7fELF\x00", "x:1: is not YAML: character '"),
        ('a: "\\UFFFFFFFF"', "x:1: is not YAML: "),
        ("a: \ud800", "x:1: is not YAML: "),
        ("a: 1\n---\nb: 2", "x:2: starts a second document: a file may hold only one"),
        ("a: 1\nb: 2\na: 3", "x:3: key 'a' appears twice (first on line 1)"),
        ("a:\n  ? [b]\n  : 1", "x:2: a: a key must be a word, not a list"),
        ("a: !!python/object:os.x {}", "x:1: a: tag 'tag:yaml.org,2002:python/object:os.x' is not allowed"),
        ("a: &b {c: 1}\nd: {<<: *b}", "x:2: d: merge keys (<<) are not supported: write the keys out"),
        ("a: &b [*b]", "x:1: alias *b contains itself"),
        ("a: *b", "x:1: alias *b has no anchor above it"),
        ("a: [&b 1, &b 2]", "x:1: anchor &b is used twice"),
    ],
)
@pytest.mark.usefixtures("parser")
def test_what_is_no_document_is_refused_with_its_line(text: str, message: str) -> None:
    """Invalid YAML of any sort is one error at its line."""
    problems = refusal(text)
    assert problems.startswith(message)
    assert "\n" not in problems


def laughs() -> str:
    """Return nine anchors, each nine times the one before: 400 million values in 300 characters."""
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    return "\n".join(lines + [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (laughs(), "has more than 200000 values, counting those that aliases repeat"),
        (f"[{'a,' * 2_000_000}]", "has more than 200000 values, counting those that aliases repeat"),
        ("[" * 1_000_000, "nest"),
        ("{a: " * 100_000, "nest"),
        ("- " * 5_000, "nests deeper than 50 levels"),
        ("? " * 5_000, "nests deeper than 50 levels"),
        (f"a: &a {'[' * 40}{']' * 40}\nb: {'[' * 40}*a{']' * 40}", "nests deeper than 50 levels"),
    ],
    ids=["laughs", "long", "lists", "maps", "dashes", "questions", "alias"],
)
def test_bombs_are_refused_soon_and_in_little_memory(text: str, message: str) -> None:
    """The depth, length and aliases of a hostile file cost no more than moments."""
    tracemalloc.start()
    started = time.process_time()
    problems = refusal(text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert message in problems
    assert "\n" not in problems
    assert time.process_time() - started < 10
    assert peak < 150 * 2**20


def test_aliases_repeat_a_value_under_its_new_path() -> None:
    """An alias is the anchored value again, with the path of its use."""
    document = Document.parse("a: &x {b: [1]}\nc: *x", "x")
    assert [(node.path, node.line) for node in document.find("c").walk()] == [("c", 1), ("c.b", 1), ("c.b[0]", 1)]


@given(st.text())
@pytest.mark.parametrize("loader", [document_module._LOADER, yaml.SafeLoader], ids=["fast", "pure"])
def test_any_text_is_a_document_or_refused(loader: type, text: str) -> None:
    """No text raises anything but DocumentError, and every message is printable lines."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(document_module, "_LOADER", loader)
        try:
            Document.parse(text, "x").check()
        except DocumentError as error:
            assert all(str(problem).isprintable() for problem in error.problems)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    """Missing, a folder, below a file, not a valid file name, too large, and not UTF-8."""
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("a: 1\nb: caf\xe9\n".encode("latin-1"))
    large = tmp_path / "large.yaml"
    with large.open("wb") as stream:
        stream.truncate(50 * 2**20)
    for path, message in [
        (tmp_path / "none.yaml", f"{tmp_path}/none.yaml: no such file"),
        (tmp_path, f"{tmp_path}: is a folder, not a file"),
        (latin / "x", f"{latin}/x: cannot be read: Not a directory"),
        (Path("a\0b"), "a\\x00b: cannot be read: embedded null byte"),
        (large, f"{large}: cannot be read: it is larger than {LARGEST // 2**20} MiB"),
        (latin, f"{latin}:2: is not UTF-8 text"),
    ]:
        with pytest.raises(DocumentError) as caught:
            Document.read(path)
        assert str(caught.value) == message


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    """Some editors write one; it is not part of the text."""
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    document = Document.read(path)
    assert (document.text, list(document.root.entries)) == ("a: 1\r\nb: 2\r\n", ["a", "b"])


def test_a_suggestion_is_the_nearest_name_or_a_short_list() -> None:
    """One name if one is near, all if they are few, none if they are many."""
    assert suggestion("worker", ["queue", "workers"]) == " (did you mean 'workers'?)"
    assert suggestion("xyz", ["queue", "workers"]) == " (valid: queue, workers)"
    assert suggestion("xyz", [f"service-{n}" for n in range(100)]) == ""
