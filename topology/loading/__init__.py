"""Reads a topology file: a module for each subject, and `topology.loader` for the whole.

patterns.py names.py    which names are allowed, and the names of services and operations
services.py versions.py deployments.py operations.py calls.py   what the mesh is
edges.py workload.py    what lies between services, and who uses them
environment.py          what the mesh does by itself
telemetry/              what is recorded of it, and under which names
defaults.py limits.py   defaults of services and edges; what is too large to run
resets.py               errors that users would not see
"""
