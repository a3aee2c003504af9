"""How callers and servers protect themselves, at run time: one file per policy, on the hooks of `sim.engine.policy`.

`compose.py` says which policies an edge and a service have, a row each. Their settings are in `topology/policies.py`.
"""
