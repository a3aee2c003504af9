"""Cases as tasks of Inspect (https://inspect.aisi.org.uk): `inspect eval meshquake/triage -T dataset=cases`.

registry.py   what Inspect finds by its entry point
triage.py     the task: each case a sample
mitigate.py   the task over running meshes: each seed a sample, marked by the harm averted
on_call.py    whoever is on call: a model with the tools
tools.py      the tools, as Inspect has them
scoring.py    the marks that `score --process` gives
"""
