"""Data that comes with the package as YAML, read once and as fast as possible."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import yaml

#: libyaml's parser if PyYAML was built with it: about ten times as fast.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def packaged(package: str, name: str) -> Any:
    """Return the content of a YAML file in a package; all callers get the same object and must not change it."""
    return yaml.load(resources.files(package).joinpath(name).read_text(encoding="utf-8"), Loader=_LOADER)
