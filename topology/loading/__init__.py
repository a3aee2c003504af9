"""A topology file, read: a file for each thing that one says, and `topology.loader` for the whole.

patterns.py names.py    what things may be called, and what they are
services.py versions.py deployments.py operations.py calls.py   what the mesh is
edges.py workload.py    what lies between services, and who uses them
environment.py          what the mesh does by itself
telemetry/              what is recorded of it, and how that is called
defaults.py limits.py   what lies under services and edges; what is too large to run
"""
