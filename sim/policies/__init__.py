"""What callers and servers do to protect themselves, at run time: a file a policy, by the hooks of `sim.engine.policy`.

`compose.py` says which an edge and a service have, a row each. Their settings are in `topology/policies.py`.
"""
