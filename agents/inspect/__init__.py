"""Cases as Inspect tasks (https://inspect.aisi.org.uk): `inspect eval meshquake/triage -T dataset=cases`.

registry.py   what Inspect finds by its entry point
triage.py     the task: each case is a sample
mitigate.py   the task over running meshes: each seed is a sample, marked by the harm averted
on_call.py    the agent on call: a model with the tools
scripted.py   agents without a model, as Inspect solvers
tools.py      the tools as Inspect tools
scoring.py    the marks that `score --process` gives
"""
