"""SQL responses see the four tables of records and nothing else, however a statement is written."""

import polars as pl
import pytest

from meshquake.ensembles import sql

TABLES = {"logs": pl.DataFrame({"level": ["ERROR", "INFO"], "a": [1, 2]}), "traces": pl.DataFrame({"a": [2, 3]})}

#: Places in a statement where a table may stand.
PLACES = (
    "select count(*) from {}",
    "from {}",
    "select count(*) from ({})",
    "select count(*) from logs, {}",
    "select count(*) from ((logs cross join {}))",
    "select count(*) from logs join lateral {} on true",
    "select a from logs where a in (select a from {})",
    "select a from logs where a = any(select a from {})",
    "select a from logs where exists (select * from {})",
    "select (select count(*) from {}) from logs",
    "select count((select a from {})) from logs",
    "select case when a in (select a from {}) then 1 end from logs",
    "select a from logs group by a having a > (select min(a) from {})",
    "select a from logs order by (select a from {})",
    "select a from logs union all select a from {}",
    "with x as (select * from {}) select count(*) from x",
    "with x as (with y as (from {}) select * from y) select count(*) from x join logs on x.a = logs.a",
    "with read_csv as (select 1 as a) select count(*) from {}",
)
#: Ways to write the name of a function.
SPELLED = ("read_csv({})", "READ_csv /* from logs */ ({})", '"read_csv"({})', "`Read_Csv` ({})")


@pytest.mark.parametrize("place", PLACES)
def test_no_statement_opens_a_file_wherever_it_names_one(place, tmp_path):
    file = tmp_path / "secret.csv"
    file.write_text("a\n1\n")
    for spelled in SPELLED:
        with pytest.raises(ValueError, match=r"is a function: there are only the tables|not yet implemented"):
            sql.number(place.format(spelled.format(f"'{file}'")), TABLES)


@pytest.mark.parametrize("kind", ["csv", "parquet", "ipc", "json", "ndjson"])
def test_a_missing_file_is_not_even_looked_for(kind, tmp_path):
    with pytest.raises(ValueError, match=f"^cannot be executed: 'read_{kind}' is a function"):
        sql.number(f"select count(*) from read_{kind}('{tmp_path}/none')", TABLES)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("select count(*) from logs where level = 'ERROR'", 1),
        ("with x as (select a from logs) select sum(x.a) from x", 3),
        ("with x as (from logs), y as (from x) select count(*) from y join traces on y.a = traces.a", 1),
        ("select count(*) from logs, traces", 4),
        ("select sum(l.a) from (select * from logs) as l", 3),
        ("select count(*) from logs where level = 'read_csv(''x'')' -- read_csv('x')", 0),
        ("select max(a) from logs where a > 9", float("nan")),
    ],
)
def test_statements_over_the_tables_give_their_first_value(text, value):
    assert sql.number(text, TABLES) == pytest.approx(value, nan_ok=True)


@pytest.mark.parametrize("text", ["select count(*) from nothing", "select 1; select 2", "select a from logs into x"])
def test_what_cannot_be_executed_is_said_in_a_line(text):
    with pytest.raises(ValueError, match=r"^cannot be executed: [^\n]+$"):
        sql.number(text, TABLES)


@pytest.mark.parametrize("word", ["now()", "NOW ()", "current_date", "Current_Timestamp"])
def test_the_time_of_day_is_no_part_of_an_answer(word):
    with pytest.raises(ValueError, match="is the time of day"):
        sql.number(f"select extract(year from {word}) from logs", TABLES)
    assert sql.number(f"select count(*) from logs where level <> '{word}' -- {word}", TABLES) == 2
