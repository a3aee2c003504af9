"""`report`, and `--report` after a run: the page, its place, and errors."""

import json
import re

import pytest
from commandline import call, play
from markupsafe import Markup

SHORT = ("cascade", "--duration", "8", "--lead-in", "4", "--recovery", "4")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the fixture of a short cascade, played with `--report`."""
    root = tmp_path_factory.mktemp("report")
    play(root, *SHORT, "--report")
    return root / "incidents" / "cascade"


def words(path):
    """Return the text of a page, without scripts and markup."""
    text = re.sub(r"<(script|style)\b.*?</\1>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.sub(r"\s+", " ", Markup(text).striptags())


def test_a_run_with_report_has_the_page_beside_its_fixture_that_report_would_write(made, tmp_path):
    page = made.with_name("cascade.report.html")
    assert sorted(each.name for each in made.parent.iterdir()) == ["cascade", "cascade.report.html"]
    done = call("report", made, "--output", tmp_path / "page.html")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.split() == ["report", str(tmp_path / "page.html")]
    assert (tmp_path / "page.html").read_bytes() == page.read_bytes()
    assert "database became slow" in words(page)


def test_a_run_without_its_key_has_a_page_that_tells_of_no_fault(tmp_path):
    play(tmp_path, *SHORT, "--no-truth", "--report")
    text = words(tmp_path / "incidents" / "cascade.report.html")
    assert "became slow" not in text and "What users saw" in text


def test_an_answer_is_marked_on_the_page_as_score_marks_it(made, tmp_path):
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps({"root_causes": [{"service": "database", "indicator": "latency"}]}))
    assert call("report", made, "--answers", answers, "--output", tmp_path / "page.html").exit_code == 0
    scored = call("score", made, "--answers", answers)
    assert scored.exit_code == 0
    said = [line for line in scored.stdout.splitlines() if line.strip()]
    text = words(tmp_path / "page.html")
    # Word by word, wherever a terminal breaks lines.
    assert len(said) > 5
    missing = [word for line in said for word in line.split() if word not in text]
    assert missing == []
    assert "root cause" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--answers", "ANSWERS", "--no-truth"],
            "--answers: a mark reveals what was wrong, which --no-truth leaves out",
        ),
        (
            ["--answers", "WRONG"],
            "this mesh has no service 'databse' (did you mean 'database'?)",
        ),
        (["--answers", "NONE"], "no such file"),
        (["--compare", "NONE"], "no such folder"),
    ],
)
def test_what_cannot_be_shown_is_refused_and_no_page_is_written(made, tmp_path, arguments, message):
    (tmp_path / "ANSWERS").write_text(json.dumps({"root_causes": []}))
    (tmp_path / "WRONG").write_text(json.dumps({"root_causes": [{"service": "databse", "indicator": "latency"}]}))
    given = [tmp_path / each if each.isupper() else each for each in arguments]
    done = call("report", made, *given, "--output", tmp_path / "page.html")
    assert done.exit_code == 2 and message in done.stderr
    assert not (tmp_path / "page.html").exists()


def test_what_is_no_fixture_has_no_page(tmp_path):
    done = call("report", tmp_path)
    assert done.exit_code == 2 and str(tmp_path) in done.stderr
    assert not list(tmp_path.parent.glob(f"{tmp_path.name}.report.html"))
