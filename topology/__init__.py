"""What the mesh is: topology files, read, checked and described.

spec.py policies.py distributions.py    a topology as data
environment/            what a mesh does by itself
rollout.py autoscale.py portion.py      how a service gets another version, and how many replicas it has
errors.py               every way in which a call fails
loader.py loading/ distribution_loader.py population_loader.py   read topology files
document.py binder.py keys.py units.py  YAML documents, their keys and values
schema.py key_schema.py amount_pattern.py json_schema.py reference.py   JSON Schemas and tables of the same declarations
graph.py estimates.py review/           what follows from a topology, and what looks wrong in it
stacks.py runtimes.py   what services are built with, and what runs it
picture/                pictures
plugins.py addresses.py exceptions.py   what packages add, addresses of random draws, the base of all errors
packaged.py             data that ships with the package
special_functions.py    the scipy functions that draws need, without the rest of the package
"""
