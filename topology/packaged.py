"""Data that comes with the package as YAML: read as fast as may be, and once."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import yaml

#: libyaml's parser where PyYAML was built with it: about ten times as fast.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def packaged(package: str, name: str) -> Any:
    """What is in a file of a package; all who ask get the same object, which is not to be changed."""
    return yaml.load(resources.files(package).joinpath(name).read_text(encoding="utf-8"), Loader=_LOADER)
