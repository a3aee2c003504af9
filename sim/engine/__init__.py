"""The life of a call, and what it touches: the hot path.

engine.py       the life of a call, from top to bottom
call.py         a call, and the row that it leaves
policy.py       the hooks through which policies take part
call_site.py tape.py    where a call stands in a call tree, and the draws that belong to it
caller_state.py edge.py     what a caller's replica knows of a callee, and what all its replicas share
service.py deployment.py subset.py    a service, its deployments, and those of its replicas that callers tell apart
replica.py revision.py  workers, queues and cores, and what the replicas run
modifier.py impairment.py   a fault's effect while it acts, and what it does to a call
upheaval.py     what hits many calls at once: a process ends, connections are reset, cores become shared
event_loop.py   how long callbacks wait where one thread runs everything
shared_cores.py cores that all work shares
environment.py  SimPy's clock, with calls scheduled on it as bare callbacks
"""
