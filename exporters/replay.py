"""Runs a fixture again from its manifest, and says of each file whether it comes out the same, to the byte."""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from exporters import layout, manifest, writing
from exporters.key import FILES
from exporters.manifest import ManifestError
from faults.loader import Loaded, Options
from faults.recipe import Recipe
from sim.records import Batch
from sim.simulation import Simulation
from topology.units import counted

#: Kinds of JSON values: their types here, and what a message calls them.
_Kind = tuple[tuple[type, ...], str]
_NUMBER: _Kind = ((int, float), "a number")
_WHOLE: _Kind = ((int,), "a whole number")
_TEXT: _Kind = ((str,), "a text")
_OBJECT: _Kind = ((dict,), "an object")


@dataclass(frozen=True)
class Reloaded:
    """What a fixture was made from.

    Attributes
    ----------
    folder
        The fixture.
    recipe
        Its texts and options, which can be loaded again with changes.
    loaded
        What comes of them without.
    seed, start, interval
        As `Simulation` has them; the interval is in seconds.
    files
        The SHA-256 of its files, by name.
    differing
        What decides the bytes and is of another version here, as in `numpy 2.0.1 then, 2.1.0 now`.
    """

    folder: Path
    recipe: Recipe
    loaded: Loaded
    seed: int
    start: datetime
    interval: float
    files: dict[str, str]
    differing: tuple[str, ...]

    def simulation(self, loaded: Loaded) -> Simulation:
        """A run of something on the same tape and the same clock."""
        return Simulation(loaded.scenario, loaded.topology, seed=self.seed, start=self.start, interval=self.interval)


def reload(folder: Path) -> Reloaded:
    """Read from a fixture's manifest what it was made from.

    Raises
    ------
    exporters.manifest.ManifestError
        If the folder is no fixture, or its manifest is of another format, was changed, or isn't valid.
    topology.document.DocumentError
        If this version refuses the scenario or the topology, as the one that made the fixture did not.
    """
    path = layout.path(folder, manifest.NAME)
    content = manifest.load(folder)
    try:
        options = Options(
            duration=_value(content, _NUMBER, "options", "duration_s"),
            lead_in=_value(content, _NUMBER, "options", "lead_in_s"),
            recovery=_value(content, _NUMBER, "options", "recovery_s"),
            rate=_value(content, _NUMBER, "options", "rate_per_s"),
            severity=_value(content, _NUMBER, "options", "severity"),
            confounders=_value(content, _TEXT, "options", "confounders"),
            seed=_value(content, _WHOLE, "seed"),
        )
        recipe = Recipe(_source(content, "scenario"), _source(content, "topology"), options, str(path))
        start, interval = _start(content), _interval(content)
        files, versions = _files(content), _value(content, _OBJECT, "versions")
    except (ValueError, OverflowError) as error:
        raise ManifestError(f"{path}: {error}") from None
    return Reloaded(folder, recipe, recipe.load(), options.seed, start, interval, files, _differing(versions))


@dataclass(frozen=True)
class Outcome:
    """A file: the SHA-256 in the manifest, that of the file now, and that of the second run; None if there is none."""

    file: str
    manifest: str | None
    disk: str | None
    run: str | None

    @property
    def problem(self) -> str:
        """What isn't the same; empty if all is."""
        if self.manifest is None:
            return "the run writes it, and the manifest doesn't have it"
        on_disk = "missing" if self.disk is None else "changed on disk since"
        in_run = "the run doesn't write it" if self.run is None else "the run gives other bytes"
        return "; ".join([on_disk] * (self.disk != self.manifest) + [in_run] * (self.run != self.manifest))


@dataclass(frozen=True)
class Comparison:
    """What came of a second run, file by file."""

    reloaded: Reloaded
    outcomes: tuple[Outcome, ...]

    @property
    def same(self) -> bool:
        """Whether every file is the same to the byte, in the manifest, on disk and in the second run."""
        return not any(outcome.problem for outcome in self.outcomes)

    def problems(self) -> list[str]:
        """What isn't the same, as lines of text."""
        return [
            f"{layout.path(self.reloaded.folder, outcome.file)}: {outcome.problem}"
            for outcome in self.outcomes
            if outcome.problem
        ]

    def lines(self) -> list[str]:
        """The result for people, as lines of text."""
        width = max((len(outcome.file) for outcome in self.outcomes), default=0)
        text = [f"{outcome.file:<{width}}  {outcome.problem or 'the same'}" for outcome in self.outcomes]
        same = sum(not outcome.problem for outcome in self.outcomes)
        text.append(f"the same to the byte: {same} of {counted(len(self.outcomes), 'file')}")
        if any(outcome.run != outcome.manifest for outcome in self.outcomes):
            reason = ", ".join(self.reloaded.differing) or "the manifest or the program was changed: the versions agree"
            text.append(f"likely why: {reason}")
        return text

    def as_json(self) -> dict[str, Any]:
        """The result for programs, as a JSON object."""
        return {
            "folder": str(self.reloaded.folder),
            "same": self.same,
            "files": [
                {
                    "file": outcome.file,
                    "problem": outcome.problem or None,
                    "sha256": {"manifest": outcome.manifest, "disk": outcome.disk, "run": outcome.run},
                }
                for outcome in self.outcomes
            ],
            "versions_differ": list(self.reloaded.differing),
        }


def replay(reloaded: Reloaded, output: Path | None, on_batch: Callable[[Batch], None]) -> Comparison:
    """Run a fixture again and compare.

    Parameters
    ----------
    reloaded
        The fixture.
    output
        The folder for the second run; None for one that is thrown away.
    on_batch
        Hears of each batch.

    Raises
    ------
    OSError
        If the folder can't be written, or is the fixture itself, or a file of the fixture can't be read.
    """
    folders = layout.case(reloaded.folder) or (reloaded.folder,)
    if output is not None and any(output.resolve().is_relative_to(folder.resolve()) for folder in folders):
        raise FileExistsError(errno.EEXIST, "it is the fixture that is run again", str(output))
    before = {name: _sha256(layout.path(reloaded.folder, name)) for name in reloaded.files}
    with _kept(output) as folder:
        simulation = reloaded.simulation(reloaded.loaded)
        written = writing.write(
            simulation, folder, reloaded.recipe.options.severity, on_batch, bool(reloaded.files.keys() & FILES)
        )["files"]
    after = {name: each["sha256"] for name, each in written.items()}
    names = dict.fromkeys((*reloaded.files, *after))
    outcomes = (Outcome(name, reloaded.files.get(name), before.get(name), after.get(name)) for name in names)
    return Comparison(reloaded, tuple(outcomes))


@contextmanager
def _kept(output: Path | None) -> Iterator[Path]:
    """A folder to write into: the one given, or one that goes away."""
    if output is not None:
        yield output
        return
    with TemporaryDirectory() as folder:
        yield Path(folder) / "replay"


def _sha256(path: Path) -> str | None:
    """That of a file; None if it's missing."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


# -- what a manifest says --------------------------------------------------------------------------------------------


def _value(content: Any, kind: _Kind, *keys: str) -> Any:
    """The value under some keys, one below the other; ValueError if it's missing or of another kind."""
    for key in keys:
        if not isinstance(content, dict) or key not in content:
            raise ValueError(f"isn't the manifest of a fixture: {'.'.join(keys)} is missing")
        content = content[key]
    types, called = kind
    if not isinstance(content, types) or isinstance(content, bool):
        raise ValueError(f"{'.'.join(keys)} must be {called}, not {json.dumps(content)[:60]}")
    return content


def _source(content: Any, part: str) -> str:
    text: str = _value(content, _TEXT, part, "text")
    if hashlib.sha256(text.encode()).hexdigest() != _value(content, _TEXT, part, "sha256"):
        raise ValueError(f"the text of the {part} doesn't have the sha256 beside it: one of them was changed")
    return text


def _start(content: Any) -> datetime:
    text = _value(content, _TEXT, "start")
    start = datetime.fromisoformat(text)
    if start.tzinfo is None or not 1970 <= start.year <= 9000:
        raise ValueError(f"start must be a time with its zone, from 1970 to 9000, not {text!r}")
    return start.astimezone(UTC)


def _interval(content: Any) -> float:
    interval = float(_value(content, _NUMBER, "options", "interval_s"))
    if not 0.001 <= interval <= 86400:
        raise ValueError(f"options.interval_s must be from 0.001 to 86400, not {interval}")
    return interval


def _files(content: Any) -> dict[str, str]:
    names = _value(content, _OBJECT, "files")
    for name in names:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or not name:
            raise ValueError(f"files: {name!r} is no file in the folder of a fixture")
    return {name: _value(content, _TEXT, "files", name, "sha256") for name in names}


def _differing(then: dict[str, Any]) -> tuple[str, ...]:
    now = manifest.versions()
    return tuple(
        f"{name} {then.get(name, 'none')} then, {now.get(name, 'none')} now"
        for name in dict.fromkeys((*now, *then))
        if then.get(name) != now.get(name)
    )
