"""Values on the command line: parsing and errors."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from commandline import call, play


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("9", 9), ("9s", 9), ("1.5s", 1.5), ("2500ms", 2.5), ("0.1m", 6), ("1e1", 10), ("0.002h", 7.2)],
)
def test_times_are_seconds_or_have_a_unit(written, seconds, tmp_path):
    summary = play(tmp_path, "normal", "--duration", written, "--rate", "1")
    assert summary["options"]["duration_s"] == seconds


@pytest.mark.parametrize(
    ("option", "written", "key", "value"),
    [
        ("--rate", "6/m", "rate_per_s", 0.1),
        ("--rate", "360/h", "rate_per_s", 0.1),
        ("--rate", "0.1/s", "rate_per_s", 0.1),
        ("--severity", "50%", "severity", 0.5),
        ("--severity", "1", "severity", 1.0),
    ],
)
def test_rates_and_shares_are_written_as_in_files(option, written, key, value, tmp_path):
    assert play(tmp_path, "normal", "--duration", "1", option, written)["options"][key] == value


@pytest.mark.parametrize(
    ("written", "start"),
    [
        ("2025-02-03T04:05:06Z", "2025-02-03T04:05:06.000000+00:00"),
        ("2025-02-03T04:05:06", "2025-02-03T04:05:06.000000+00:00"),
        ("2025-02-03T04:05:06.25+05:30", "2025-02-02T22:35:06.250000+00:00"),
        ("2025-02-03", "2025-02-03T00:00:00.000000+00:00"),
    ],
)
def test_start_is_iso_8601_and_utc_unless_it_says_otherwise(written, start, tmp_path):
    assert play(tmp_path, "normal", "--duration", "1", "--start", written)["start"] == start
    first = json.loads((tmp_path / "normal" / "metrics.ndjson").read_text().splitlines()[0])
    end = datetime.fromisoformat(start) + timedelta(seconds=1)
    assert first["timestamp"] == end.isoformat(timespec="microseconds")


def test_start_may_be_now(tmp_path):
    before = datetime.now(UTC)
    start = datetime.fromisoformat(play(tmp_path, "normal", "--duration", "1", "--start", "now")["start"])
    assert before <= start <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["normal", "--duration", "0"], "must be from 1ms to 8784h, not 0"),
        (["normal", "--duration", "-5"], "must be from 1ms to 8784h, not -5"),
        (["normal", "--duration", "1w"], "must be a duration such as 90, 250ms or 2m, not '1w'"),
        (["normal", "--duration", "nan"], "must be a duration"),
        (["normal", "--duration", "2y"], "must be a duration"),
        (["normal", "--interval", "0"], "must be from 1ms to 24h, not 0"),
        (["normal", "--rate", "0"], "must be more than 0"),
        (["normal", "--rate", "nan"], "must be a rate such as 20/s, 90/m or 5/h, not 'nan'"),
        (["normal", "--rate", "2000000"], "must be more than 0 and at most 1000000/s, not 2000000"),
        (["normal", "--rate", "20s"], "must be a rate such as 20/s, 90/m or 5/h, not '20s'"),
        (["normal", "--severity", "1.5"], "must be more than 0 and at most 100%, not 1.5"),
        (["normal", "--severity", "0%"], "must be more than 0 and at most 100%, not 0%"),
        (["serve", "somewhere", "--speed", "10x"], "must be a number such as 0.6, not '10x'"),
        (["normal", "--seed", "-1"], "-1 is not in the range"),
        (["normal", "--start", "yesterday"], "must be ISO 8601, as in 2024-01-15T10:30:00Z, or now; not 'yesterday'"),
        (["normal", "--start", "9999-12-31T23:59:59-12:00"], "must be a year from 1970 to 9000"),
        (["normal", "--start", "0001-01-01T00:00:00+12:00"], "must be a year from 1970 to 9000"),
        (["noise"], "Missing option '--noise-type'"),
        (["noise", "--noise-type", "loud"], "'loud' is not one of 'transient', 'high-volume', 'intermittent'"),
        (["scenario", "nowhere.yaml"], "nowhere.yaml: no such file"),
        (["scenario", "."], ".: is a folder, not a file"),
        (["normal", "--topology", "nowhere.yaml"], "nowhere.yaml: no such file"),
        (["normal", "--topology", "ten-servces"], "ten-servces: no such file or shipped mesh (did you mean 'ten-serv"),
        (["topology", "check", "nowhere.yaml"], "nowhere.yaml: no such file"),
        (["topology", "show", "nowhere.yaml"], "nowhere.yaml: no such file"),
        (["topology", "check", "ten-servces"], "ten-servces: no such file or shipped mesh (did you mean"),
        (["topology", "show", "ten-servces"], "ten-servces: no such file or shipped mesh (did you mean"),
        (["cascde"], "No such command 'cascde'"),
        (["cascade", "--sed", "1"], "No such option"),
    ],
    ids=" ".join,
)
def test_what_is_asked_for_wrongly_ends_with_status_2_and_says_why(arguments, message, tmp_path):
    arguments = (
        [*arguments, "--output", str(tmp_path)] if arguments[0] in ("normal", "noise", "scenario") else arguments
    )
    result = call(*arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert result.stdout == "" and not list(tmp_path.iterdir())
