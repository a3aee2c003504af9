"""The hooks that `pip` and `build` call (PEP 517, PEP 660): those of setuptools.

A build that compiles needs mypy besides. It's asked for only then: who installs a checkout doesn't wait for it.
"""

from __future__ import annotations

from typing import Any

from setuptools import build_meta
from setuptools.build_meta import (
    build_editable,
    build_sdist,
    build_wheel,
    get_requires_for_build_sdist,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

from .compiling import EDITABLE, NEEDED, WHEEL, is_to_be_compiled

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    """What is needed to build a wheel."""
    return [*build_meta.get_requires_for_build_wheel(config_settings), *_needed(WHEEL)]


def get_requires_for_build_editable(config_settings: Any = None) -> list[str]:
    """What is needed to install a checkout."""
    return [*build_meta.get_requires_for_build_editable(config_settings), *_needed(EDITABLE)]


def _needed(kind: str) -> tuple[str, ...]:
    return NEEDED if is_to_be_compiled(kind) else ()
