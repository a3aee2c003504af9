"""What lies beneath processes, derived from what the mesh does.

pods.py      what Kubernetes would call them, and their addresses
messages.py  how large the messages of calls are
traffic.py   what calls put on the network
disks.py     what is written to disks and read from them
checkpoints.py  when databases write their dirty pages back
"""
