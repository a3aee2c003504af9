"""Agents without a model: what others are compared with, and what shows that better ones get better marks.

solver.py      what a solver is, and the stretches of time that all of them compare
diagnosis.py   what a solver has found, as an answer
loudest.py     names the service whose symptoms have grown most
breadth.py     follows calls that have gone bad, from the users on
baro.py        scores each metric by how far it has gone from what was usual (Pham et al. 2024)
blame.py       who is to blame for one bad request, by its trace
oracle.py      looks at every bad request: about the best that can be seen
running.py     solvers on cases, and what they leave
"""
