"""The life of a call, and what it touches: the hot path.

engine.py       the life of a call, told from top to bottom
call.py         a call, and the row that it leaves
policy.py       the hooks by which policies take part
call_site.py tape.py    where in a call tree a call stands, and the draws that belong to it
caller_state.py edge.py     what a caller's replica knows of a callee, and what all its replicas share
service.py replica.py revision.py   workers, queues and cores, and what the replicas run
modifier.py impairment.py   a fault's effect while it acts, and what it does to a call
upheaval.py     what befalls many calls at once: a process ends, connections are reset, cores become shared
shared_cores.py cores that all work shares
environment.py  SimPy's clock, on which calls ride as bare callbacks
"""
