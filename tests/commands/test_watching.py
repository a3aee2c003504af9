"""The view of a run, which appears on a terminal and nowhere else."""

import polars as pl
import pytest
from rich.console import Console
from twin_runs import simulation

from meshquake.commands.watching import view
from meshquake.exporters.reports.glance import Glance, sparkline
from meshquake.sim.simulation import Simulation


@pytest.fixture(scope="module")
def glanced():
    """Return the final view of a run with a fault, and its records."""
    run = simulation("fail: {target: database, share: 90%}")
    run = Simulation(run.scenario, run.topology, batch=2000)
    glance, batches = Glance([service.name for service in run.topology.services]), []
    for batch in run.batches():
        glance.take(batch)
        batches.append(batch)
    return glance, pl.concat([batch.traces for batch in batches])


def drawn(glance, width=100, title="cascade"):
    console = Console(width=width, force_terminal=True, color_system=None)
    with console.capture() as captured:
        console.print(view(glance, title, 20.0, 32.0))
    return captured.get()


def test_its_seconds_say_what_the_spans_say(glanced):
    glance, spans = glanced
    roots = spans.filter(spans["parent_span_id"].is_null())
    seconds = roots.group_by(roots["timestamp"].str.head(19), maintain_order=True).agg(pl.len().alias("count"))["count"]
    # The first second is complete once the second one begins, and the last one never is.
    assert [each.rate for each in glance.entry] == seconds.to_list()[: len(glance.entry)]
    assert len(glance.entry) >= len(seconds) - 2
    assert max(each.errors for each in glance.entry) > 0.3


def test_the_view_has_a_line_for_each_service_and_what_happened_last(glanced):
    text = drawn(glanced[0])
    assert all(name in text for name in glanced[0].services)
    assert "cascade" in text and "20 of 32 s" in text and "open breakers" in text
    assert glanced[0].events[-1][2][:40] in text


def test_names_are_shown_as_text_whatever_is_in_them():
    glance = Glance(["[red]\x1b[31mevil\u202e[/red]"])
    glance.events.append(("10:30:00", "[bold]x", "it said \x1b]0;owned\x07"))
    glance.breakers.add(("a\x1b[2J", "b"))
    text = drawn(glance, title="\x1b[5mname")
    assert "[red]" in text and "[bold]x" in text
    assert not set(text) & {"\x1b", "\x07", "\u202e"}


def test_of_many_services_those_that_fail_most_are_shown():
    glance = Glance([f"service-{number}" for number in range(100)])
    assert drawn(glance).count("service-") == 20


def test_a_sparkline_is_as_high_as_its_greatest_value():
    assert sparkline([0, 1, 4, 8]) == " ▁▄█"
    assert sparkline([0.5], 1.0) == "▄"
    assert sparkline([0.0, 0.0]) == "  "
