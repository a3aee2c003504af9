"""What stands between a mesh and the readers of its telemetry (samplers, exporters, scrapers, clocks), and how it errs.

These parts take records as the mesh made them, batch by batch, and decide what becomes of each. Nothing in the mesh
depends on them. All draws are addressed, by trace or by replica and time; so a record's fate does not depend on what
else is recorded.

collector.py  passes records on, in time order, and counts what became of the others
window.py     holds records back until their fate is known
sampling.py   which traces are recorded
shipping.py   exports of spans and log lines: lost, late, twice, or never made because the process was killed
scraping.py   scrapes of metrics: failed scrapes, replicas that are down, too many series
clocks.py     by how much each node's clock is off
"""
