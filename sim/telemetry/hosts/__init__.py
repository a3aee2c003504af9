"""What lies beneath processes, derived from what the mesh does.

pods.py         names and addresses of pods, as Kubernetes would have them
messages.py     sizes of the messages of calls
traffic.py      what calls put on the network
disks.py        what is written to disks and read from them
checkpoints.py  when databases write their dirty pages back
threads.py      how many threads processes have
"""
