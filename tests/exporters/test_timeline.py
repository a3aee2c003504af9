"""Lines in order of time, found by moment."""

import json
from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters import timeline
from exporters.timeline import KINDS, LineFiles, Only
from sim import records


def stamp(second):
    return f"2024-01-15T10:{second // 60:02}:{second % 60:02}.000000+00:00"


def line(second, **more):
    return json.dumps({"timestamp": stamp(second), **more}, separators=(",", ":"))


@pytest.fixture
def folder(tmp_path):
    """Writes files of lines: for each kind the seconds at which it has one."""

    def write(*seconds, pad=0):
        for kind, each in zip(KINDS, seconds, strict=True):
            text = "".join(f"{line(second, n=n, pad='x' * pad)}\n" for n, second in enumerate(each))
            (tmp_path / f"{kind}.ndjson").write_text(text)
        return tmp_path

    return write


def read(files, kinds=KINDS, begin=(0, 0, 0, 0)):
    return [(found.kind, json.loads(found.text)["n"]) for found in files.read(kinds, begin)]


def test_the_kinds_are_those_of_records():
    assert (*records.KINDS,) == KINDS
    assert all(kind.names[0] == "timestamp" for kind in records.KINDS.values())


def test_files_merge_in_order_of_time_and_at_the_same_moment_in_the_order_of_kinds(folder):
    with LineFiles(folder([1, 3], [1, 1, 2], [0, 3], [])) as files:
        assert read(files) == [
            *(("traces", 0), ("metrics", 0), ("logs", 0), ("logs", 1)),
            *(("logs", 2), ("metrics", 1), ("traces", 1)),
        ]
        assert read(files, ["events", "logs"]) == [("logs", 0), ("logs", 1), ("logs", 2)]


def test_reading_goes_on_from_the_end_of_any_line(folder):
    with LineFiles(folder([1, 3, 3], [1, 1, 2], [0, 3], [2])) as files:
        whole, offsets = read(files), [0] * 4
        for count, found in enumerate(files.read(KINDS, (0,) * 4), 1):
            offsets[found.file] = found.end
            assert files.begin(offsets)
            assert read(files, begin=tuple(offsets)) == whole[count:]
        assert tuple(offsets) == files.sizes


def test_an_offset_within_a_line_or_beyond_the_end_is_no_beginning(folder):
    with LineFiles(folder([1, 2], [], [], [])) as files:
        size = files.sizes[0]
        assert [at for at in range(-1, size + 2) if files.begin((at, 0, 0, 0))] == [0, size // 2, size]


@pytest.mark.parametrize("pad", [0, 3000, 40_000], ids=["short lines", "long lines", "lines longer than a block"])
@given(seconds=st.lists(st.integers(0, 20), max_size=12).map(sorted), sought=st.integers(0, 21))
def test_a_moment_is_found_where_its_first_line_begins(tmp_path_factory, pad, seconds, sought):
    path = tmp_path_factory.mktemp("lines") / "file"
    texts = [line(second, pad="x" * pad) + "\n" for second in seconds]
    path.write_text("".join(texts))
    file = timeline.LineFile(path)
    before = texts[: bisect_left(seconds, sought)]
    assert file.find(stamp(sought).encode()) == sum(map(len, before))
    assert [found.text.decode() + "\n" for found in file.lines(0, 0)] == texts
    assert file.last().decode() == (stamp(seconds[-1]) if seconds else "")
    file.close()


def test_a_service_is_told_from_a_message_that_quotes_one():
    said = line(1, service="auth", message='{"service":"database"}', details={"service": "database"}).encode()
    assert Only(service="auth")(said)
    assert not Only(service="database")(said)
    assert Only()(said)


def test_what_has_no_trace_id_is_of_no_trace():
    assert not Only(trace_id="abc")(line(1, service="auth").encode())
    assert Only(trace_id="abc", service="auth")(line(1, service="auth", trace_id="abc").encode())
