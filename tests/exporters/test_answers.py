"""Answers: what is accepted, what is refused and in which words, and that the schema that ships says the same."""

import json
import re
from datetime import datetime
from pathlib import Path

import pytest
from answer_key import EFFECTS, RIGHT, SERVICES, TRACES, at, cause, fault, truth
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from exporters.answers import json_schema, read
from exporters.violations import CHECKS, violations
from faults.kinds import fault_kinds
from topology.document import DocumentError

PAGE = (Path(__file__).parents[2] / "docs" / "scoring.md").read_text(encoding="utf-8")
EXAMPLE = json.loads(re.search(r"example: answers -->\n```json\n(.*?)```", PAGE, re.DOTALL)[1])


@pytest.fixture
def file(tmp_path):
    return tmp_path / "answers.json"


def refusal(file, content, key=None):
    """What is said of an answer, a line a problem, without the name of the file."""
    text = content if isinstance(content, (str, bytes)) else json.dumps(content)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DocumentError) as refused:
        read(file, key or truth(fault()), EFFECTS)
    return [str(problem).replace(f"{file}", "answers.json") for problem in refused.value.problems]


def problems(value):
    return list(violations(json_schema(), value, {}))


# -- what is accepted ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answers", [RIGHT, {"root_causes": []}, {key: RIGHT[key] for key in reversed(RIGHT)}])
def test_an_answer_is_read_as_it_is_written(file, answers):
    file.write_text(json.dumps(answers), encoding="utf-8-sig")
    assert read(file, truth(fault()), EFFECTS) == answers


def test_null_may_stand_for_whatever_may_be_left_out(file):
    answers = {"root_causes": [{"service": "store"} | dict.fromkeys(("kind", "indicator", "operation", "replica"))]}
    answers |= dict.fromkeys(("detected_at", "affected_services", "propagation", "verdicts", "alerts"))
    file.write_text(json.dumps(answers))
    assert read(file, truth(fault()), EFFECTS) == answers


@pytest.mark.parametrize("moment", [at(0), at(180), "2024-01-15T10:31:00Z", "2024-01-15T12:31:00.5+02:00"])
def test_a_moment_may_be_in_any_time_zone_and_as_exact_as_one_likes(file, moment):
    file.write_text(json.dumps({"root_causes": [], "detected_at": moment}))
    assert read(file, truth(), EFFECTS)["detected_at"] == moment


def test_whoever_the_key_calls_a_root_may_be_named(file):
    """Such as the users whose number doubled, who are no service of the mesh."""
    surge = fault("users", "surge", root_cause=cause("users", "load", services=["crowd"]))
    answers = {"root_causes": [{"service": "users"}, {"service": "crowd"}]}
    file.write_text(json.dumps(answers))
    assert read(file, truth(surge), EFFECTS) == answers


# -- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{\n "root_causes": [,]\n}', "answers.json:2: isn't JSON: Expecting value"),
        ("", "answers.json:1: isn't JSON: Expecting value"),
        (b'{"root_causes": "\xff"}', "answers.json: isn't UTF-8 text"),
        ('{"root_causes": [], "root_causes": []}', "answers.json: key 'root_causes' stands twice in one object"),
        ("[" * 100_000, "answers.json: nests too deep"),
    ],
)
def test_what_is_no_json_is_refused_with_the_line(file, content, message):
    assert refusal(file, content) == [message]


def test_a_file_that_is_missing_or_none_is_refused(file, tmp_path):
    for path, message in ((file, "no such file"), (tmp_path, "is a folder, not a file")):
        with pytest.raises(DocumentError, match=f"{re.escape(str(path))}: {message}"):
            read(path, truth(), EFFECTS)


def test_all_problems_are_told_at_once_each_with_its_path(file):
    answers = {
        "root_causes": [{"servce": "store"}, {"service": "stor", "kind": "slwo", "indicator": "Latency"}, "store"],
        "detected_at": "half past ten",
        "affected_services": "store",
        "propagation": [{"from": "store"}],
        "verdicts": [{"trace_id": TRACES[0], "harmed": "yes"}, {"trace_id": "1", "harmed": None}],
        "alerts": [{"at": "2024-13-15T10:30:00Z", "service": 5, "indicator": "latency"}],
        "conclusion": "",
    }
    moment = 'a text such as "2024-01-15T10:31:20.441896+00:00"'
    with pytest.raises(ValueError) as why:  # each Python has words of its own for it
        datetime.fromisoformat("2024-13-15T10:30:00Z")
    assert refusal(file, answers) == [
        "answers.json: root_causes[0]: missing key 'service'",
        "answers.json: root_causes[0].servce: unknown key (did you mean 'service'?)",
        "answers.json: root_causes[1].service: no service of this mesh is 'stor' (did you mean 'store'?)",
        "answers.json: root_causes[1].kind: can't be 'slwo' (did you mean 'slow'?)",
        "answers.json: root_causes[1].indicator: must be a text such as \"latency\", not 'Latency'",
        'answers.json: root_causes[2]: must be an object such as {"service": "database"}, not \'store\'',
        f"answers.json: detected_at: must be {moment}, not 'half past ten'",
        "answers.json: affected_services: must be a list, not 'store'",
        "answers.json: propagation[0]: missing key 'to'",
        "answers.json: verdicts[0].harmed: must be true or false, not 'yes'",
        "answers.json: verdicts[1].trace_id: must be a text such as \"0af7651916cd43dd8448eb211c80319c\", not '1'",
        "answers.json: verdicts[1].harmed: must be true or false, not null",
        f"answers.json: alerts[0].at: '2024-13-15T10:30:00Z' is no moment: {why.value}",
        'answers.json: alerts[0].service: must be a text such as "database", not 5',
        "answers.json: conclusion: unknown key (valid: root_causes, detected_at, affected_services, propagation, "
        "verdicts, alerts, fixture)",
    ]


@pytest.mark.parametrize("answers", ["[]", '"store"', "null", "5"])
def test_an_answer_is_an_object(file, answers):
    (message,) = refusal(file, answers)
    assert message.startswith(
        'answers.json: must be an object such as {"root_causes": [{"service": "database"}]}, not '
    )


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"verdicts": [{"trace_id": "f" * 32, "harmed": True}]}, "no request of this fixture has trace"),
        ({"detected_at": "2024-01-15T10:29:59Z"}, "is outside the recording"),
        ({"alerts": [{"at": "2025-01-15T10:30:00Z", "service": "store", "indicator": "cpu"}]}, "outside the recording"),
    ],
)
def test_an_answer_to_another_fixture_is_refused_as_such(file, part, message):
    (found,) = refusal(file, {"root_causes": [], **part})
    assert message in found
    assert found.endswith("; is this the answer to another fixture?")


def test_a_service_of_another_mesh_is_refused_with_those_of_this_one(file):
    (message,) = refusal(file, {"root_causes": [{"service": "xyz"}]})
    assert message.endswith(f"no service of this mesh is 'xyz' (valid: {', '.join(SERVICES)})")


def test_of_thousands_of_problems_twenty_are_told_and_the_others_counted(file):
    verdicts = [{"trace_id": f"{number:032x}", "harmed": True} for number in range(100, 5100)]
    messages = refusal(file, {"root_causes": [], "verdicts": verdicts})
    assert (len(messages), messages[-1]) == (21, "answers.json: and 4980 more like these")


# -- the schema ----------------------------------------------------------------------------------------------------

#: JSON that is often nearly an answer.
LEAVES = st.sampled_from(
    [
        None,
        True,
        1,
        1.5,
        "",
        "store",
        "slow",
        "latency",
        TRACES[0],
        at(3),
        "\x00",
        "Ö",
        *RIGHT,
        *RIGHT["root_causes"][0],
    ]
)
JSON = st.recursive(
    LEAVES, lambda below: st.lists(below, max_size=3) | st.dictionaries(LEAVES.filter(lambda x: type(x) is str), below)
)


def broken(value, path, other):
    """A value in which another one is put at a path of keys and positions."""
    if not path:
        return other
    head, *rest = path
    inner = broken(value[head], rest, other)
    return {**value, head: inner} if isinstance(value, dict) else [*value[:head], inner, *value[head + 1 :]]


def paths(value, path=()):
    """The paths to everything in a value."""
    yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in pairs:
        yield from paths(below, (*path, key))


@given(st.sampled_from(list(paths(RIGHT))), JSON)
def test_what_is_refused_is_just_what_any_other_reader_of_the_schema_refuses(path, other):
    value = broken(RIGHT, path, other)
    assert (problems(value) == []) == Draft202012Validator(json_schema()).is_valid(value)


def test_every_word_of_the_schema_is_checked_or_says_nothing_about_what_is_valid():
    """`additionalProperties` is always false, and what `format` asks is asked by the reader."""

    def schemas(schema):
        yield schema
        for below in [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]:
            yield from schemas(below)

    for each in schemas(json_schema()):
        says_nothing = {"$schema", "title", "description", "examples", "format"}
        assert each.keys() - says_nothing - {"type", "additionalProperties"} <= CHECKS.keys()
        assert each.get("additionalProperties") is (False if "properties" in each else None)
        assert all(Draft202012Validator(each).is_valid(example) for example in each.get("examples", ()))


# -- the page ------------------------------------------------------------------------------------------------------


def test_the_example_of_the_page_is_an_answer_that_says_all_there_is_to_say():
    assert problems(EXAMPLE) == []
    assert EXAMPLE.keys() == json_schema()["properties"].keys()
    assert EXAMPLE["root_causes"][0].keys() == json_schema()["properties"]["root_causes"]["items"]["properties"].keys()


def test_the_page_lists_every_kind_with_its_indicators():
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE)
    said = {kind: (indicator, tuple(re.findall(r"\w+", others))) for kind, indicator, others in rows}
    assert said == {name: (kind.indicator, kind.aliases) for name, kind in fault_kinds().items()}
