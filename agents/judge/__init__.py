"""The process beside the one that serves: it knows which case it is, takes the answer, and marks it by the key.

staging.py     what the serving process is given
runs.py        where the files of a run are
process.py     the serving process, started, and told what it serves
watching.py    a case served, and what comes of it heard
playing.py     the same over a mesh that is played here
"""
