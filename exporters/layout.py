"""Where the files of a fixture are: in its folder, or, of a case of a data set, in two trees: one can be withheld.

    CASE/                 telemetry/CASE/      metrics, logs, traces, events, brief.md
    CASE/truth/           truth/CASE/          ground_truth.json, verdicts.ndjson
    CASE/manifest.json    truth/CASE/

A case may be called by either of its folders. Whoever reads a fixture asks here, so this needs nothing but Python.
"""

from __future__ import annotations

from pathlib import Path

TELEMETRY, TRUTH = "telemetry", "truth"
MANIFEST, GROUND_TRUTH = "manifest.json", f"{TRUTH}/ground_truth.json"
_TRACES = "traces.ndjson"


def path(folder: Path, name: str) -> Path:
    """The path of a file of a fixture, whether or not it's there.

    Parameters
    ----------
    folder
        The fixture, or either folder of a case.
    name
        Of the file, as the manifest has it: its path in a fixture that is all in one folder.
    """
    trees = case(folder)
    if trees is None:
        return folder / name
    telemetry, truth = trees
    return truth / Path(name).name if name == MANIFEST or name.startswith(f"{TRUTH}/") else telemetry / name


def case(folder: Path) -> tuple[Path, Path] | None:
    """The folders of a case, of its telemetry and of its truth; None of a fixture that is all in one folder.

    A case of which the truth was withheld is None too: nothing tells it from another folder then.
    """
    resolved = folder.resolve()
    root, name = resolved.parent.parent, resolved.name
    truth = root / TRUTH / name
    if (folder / GROUND_TRUTH).is_file() or not (truth / Path(GROUND_TRUTH).name).is_file():
        return None
    return (root / TELEMETRY / name, folder) if resolved == truth else (folder, truth)


def missing(folder: Path, name: str) -> str:
    """What a folder is in which a file of a fixture is missing, and what to name instead."""
    patterns = [f"{below}/{file}" for below in ("*", "*/*") for file in (_TRACES, MANIFEST)]
    held = sorted(found.parent for pattern in patterns for found in folder.glob(pattern))
    if not held and name == MANIFEST and folder.resolve().parent.name == TELEMETRY:
        return f"has no {name}: that of a case of a data set is in its tree of truth, which isn't here"
    if not held:
        return f"not a fixture: it has no {name}"
    if not ((folder / "index.ndjson").is_file() and (folder / TELEMETRY).is_dir()):
        return f"holds fixtures: name one, such as {held[0]}"
    if not (folder / TRUTH).is_dir():
        return f"a data set without its answer keys: no folder {TRUTH} is in it"
    return f"a data set: name one of its cases, such as {held[0]}"
