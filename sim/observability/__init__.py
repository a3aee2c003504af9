"""The pipeline between a mesh and its recording (samplers, exporters, scrapers, clocks), and how it fails.

It takes records as the mesh made them, batch by batch, and decides the fate of each. Nothing in the mesh depends on it.
All draws are addressed by trace, or by replica and time, so a record's fate doesn't depend on what else is recorded.

collector.py  passes on what is recorded, in order of time, and counts what became of the rest
window.py     holds records back until their fate is known
sampling.py   which traces are recorded
shipping.py   exports of spans and log lines: lost, late, duplicated, or never made because the process was killed
scraping.py   scrapes of metrics: failed, of replicas that are down, or of series beyond the limit
clocks.py     clock skew, by node
"""
