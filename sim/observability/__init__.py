"""What stands between a mesh and who looks at its telemetry (samplers, exporters, scrapers, clocks), and how it errs.

They take records as the mesh made them, batch by batch, and say what becomes of each. Nothing in the mesh depends on
them. All draws are addressed, by trace, by replica and time; so is each record's fate, whoever else is recorded.

collector.py  lets records pass, in order of time, and keeps account of what became of the others
window.py     holds records back for as long as their fate is open
sampling.py   which traces are recorded
shipping.py   exports of spans and log lines: lost, late, twice, or never made since the process was killed
scraping.py   scrapes of metrics: failed, of replicas that are down, of series too many
clocks.py     by how much each node's clock is off
"""
