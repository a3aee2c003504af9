"""The process beside the serving one: it knows which case is served, takes the answer, and marks it by the key.

staging.py     what the serving process is given
runs.py        where the files of a run are
process.py     starts the serving process and tells it what to serve
watching.py    serves a case and takes the audit and the answer
playing.py     the same over a mesh that is played here
"""
