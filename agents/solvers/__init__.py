"""Agents without a model: baselines to compare with, and a check that better agents get better marks.

solver.py      what a solver is, and the time windows that all of them compare
diagnosis.py   a solver's findings as an answer
loudest.py     names the service whose symptoms have grown most
breadth.py     follows failing calls from the users down, breadth first
baro.py        scores each metric by how far it has gone from its usual values (Pham et al. 2024)
blame.py       which service is to blame for one bad request, by its trace
oracle.py      looks at every bad request: about the best that can be seen
running.py     runs solvers on cases and writes their answers and audits
"""
