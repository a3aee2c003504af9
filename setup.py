"""What `pyproject.toml` can't say: whether this build has its hot path compiled (`building/`)."""

import sys

from setuptools import setup

from building.compiling import extensions

# By its name setuptools knows what in the top folder is no module of the package, whoever runs it.
setup(script_name="setup.py", ext_modules=extensions(sys.argv))
