"""The mesh: topology files, how they are read and checked, and what follows from them.

spec.py policies.py distributions.py counts.py shapes.py users.py   a topology as data
environment/ telemetry/ what a mesh does by itself, and what a file changes in its telemetry
rollout.py autoscale.py portion.py      how a service gets another version, and how many replicas it has
errors.py               every way in which a call can fail
loader.py loading/ distribution_loader.py population_loader.py replay.py   reading topology files
document.py binder.py keys.py units.py problems.py   YAML documents, their keys and values, and what is wrong with them
schema.py key_schema.py amount_pattern.py json_schema.py reference.py   JSON Schemas and tables of the same declarations
graph.py estimates.py busy.py deadlines.py deadlock.py placement.py   what follows from a topology
review/                 what looks wrong in a topology
stacks.py runtimes.py   what services are built with, and what runs them
generating/ picture/    generated meshes; pictures of meshes
plugins.py addresses.py exceptions.py   what packages add, addresses of random draws, the base of all errors
packaged.py             data that ships with the package
special_functions.py    the scipy functions that draws need, without the rest of the package
"""
