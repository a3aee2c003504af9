"""Tables for people, laid out for a pipe and for a terminal."""

from meshquake.commands.tables import lines
from meshquake.exporters.blocks import Facts, Table

TABLE = Table(("name", "kind", "count"), [("a", "service", "7"), ("long-one", "db", "1200")], align="<<>")


def test_columns_begin_or_end_in_line():
    assert lines([TABLE]) == [
        "name      kind     count",
        "a         service      7",
        "long-one  db        1200",
    ]


def test_the_last_alignment_is_for_all_columns_after_it_too():
    assert lines([Table(("", "a", "b"), [("x", "10", "2"), ("xyz", "1", "20")])]) == [
        "      a   b",
        "x    10   2",
        "xyz   1  20",
    ]


def test_facts_stand_behind_their_names_and_an_empty_name_goes_on_with_the_fact_before():
    facts = Facts([("hit", "a"), ("", "  b"), ("breakers", "c")], indent=2)
    assert lines(["story", facts, "", "end"]) == [
        "story",
        "  hit       a",
        "              b",
        "  breakers  c",
        "",
        "end",
    ]


def test_in_a_pipe_nothing_is_cut_or_wrapped():
    long = "word " * 400 + "end"
    assert lines([Facts([("name", long)]), Table(("a", "b"), [(long, long)], align="<"), long]) == [
        f"name  {long}",
        f"a{' ' * (len(long) - 1)}  b",
        f"{long}  {long}",
        long,
    ]


def test_on_a_terminal_facts_wrap_between_words_and_tables_do_not():
    facts = Facts([("hit", " ".join(["service"] * 12))])
    assert lines([facts], terminal=60) == [
        "hit  service service service service service service service",
        "     service service service service service",
    ]
    wide = Table(("first", "second"), [("a" * 50, "b" * 50)], align="<")
    assert lines([wide], terminal=60)[1] == f"{'a' * 50}  {'b' * 50}"


def test_on_a_terminal_a_name_is_whole_however_narrow_it_is():
    assert lines([Facts([("x" * 100, "3KiB")])], terminal=60) == [f"{'x' * 100}  3KiB"]


def test_names_are_neither_markup_nor_obeyed_by_a_terminal():
    name = "[bold]x[/] :smile: \x1b[31m\x07\n\u2028"
    shown = "[bold]x[/] :smile: \\x1b[31m\\x07\\n\\u2028"
    width = len(shown)
    blocks = [name, Facts([(name, name)]), Table((name, "b"), [(name, name)], align="<")]
    assert lines(blocks) == [shown, f"{shown}  {shown}", f"{shown}  b", f"{shown.ljust(width)}  {shown}"]


def test_wide_characters_take_two_columns():
    assert lines([Facts([("日本", "a"), ("abc", "b")])]) == ["日本  a", "abc   b"]
