"""How the package is built: setuptools' way, and its hot path compiled where that is wanted.

backend.py      what `pip` and `build` call: setuptools' hooks, which need mypy too where the hot path is compiled
compiling.py    whether it is, and how
"""
