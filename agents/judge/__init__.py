"""The process beside the one that serves: it knows which case it is, takes the answer, and marks it by the key.

staging.py     what the serving process is given
runs.py        where the files of a run are
watching.py    the serving process, started and heard
playing.py     the same over a mesh that is played here
"""
