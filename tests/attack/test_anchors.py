"""An error in a value is reported once, however many aliases repeat the value."""

import pytest
from commandline import call

MESH = """\
name: anchored
services:
  front:
    operations:
      get: {calls: [%(calls)s]}
  s0: &s
    operations:
      get: {work: 1ms}
      %(one)s
%(aliases)s
workload: {rate: 5/s, mix: {front.get: 1}}
"""
MANY = 30


def check(tmp_path, one):
    file = tmp_path / "mesh.yaml"
    names = [f"s{number}" for number in range(MANY + 1)]
    aliases = "\n".join(f"  {name}: *s" for name in names[1:])
    calls = ", ".join(f"{name}.get" for name in names)
    file.write_text(MESH % {"calls": calls, "one": one, "aliases": aliases}, encoding="utf-8")
    return call("topology", "check", file), file


@pytest.mark.parametrize(
    ("one", "told"),
    [
        ("put: {work: fast}", "services.s0.operations.put.work: "),
        ("put: {wrok: 1ms}", "services.s0.operations.put: unknown key 'wrok'"),
        ("put: {work: !a 1ms}", "services.s0.operations.put.work: tag '!a' is not allowed"),
        ("put: {work: 1ms, work: 2ms}", "services.s0.operations.put: key 'work' appears twice"),
        ("put: {<<: {}}", "services.s0.operations.put: merge keys (<<) are not supported"),
        ("put: {calls: [nowhere.get]}", "services.s0.operations.put.calls[0]: "),
    ],
)
def test_an_error_in_an_anchored_value_is_told_once(tmp_path, one, told):
    result, file = check(tmp_path, one)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"{file}:9: {told}")


def test_a_warning_of_an_anchored_value_is_told_once(tmp_path):
    result, file = check(tmp_path, "idle: {work: 1ms}")
    assert (result.exit_code, result.stderr) == (
        0,
        f"{file}:9: warning: services.s0.operations.idle: no request reaches this operation\n",
    )


def test_two_values_of_one_line_are_told_both_and_so_are_two_lines(tmp_path):
    result, _ = check(tmp_path, "put: {work: fast, calls: [{to: x, timeout: fast}, {to: x, timeout: fast}]}")
    paths = [line.split(": ")[1] for line in result.stderr.splitlines()]
    assert len(paths) == len({*paths}) > 2 and all(path.startswith("services.s0.") for path in paths)
