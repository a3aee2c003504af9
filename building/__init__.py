"""How the package is built: the setuptools way, with the hot path compiled on request.

backend.py      what `pip` and `build` call: setuptools' hooks, which also need mypy if the hot path is compiled
compiling.py    whether it is compiled, and how
"""
