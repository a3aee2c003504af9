"""Commands that make the recording again, and commands to try next, ready to paste."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from meshquake.exporters.fixtures import recording
from meshquake.exporters.page.sources import Sources
from meshquake.faults.loader import shipped
from meshquake.topology.loader import DEFAULT
from meshquake.topology.loader import shipped as shipped_meshes

_NOISE = ("transient", "high_volume", "intermittent")


def remake(sources: Sources) -> dict[str, Any]:
    """Return the `commands`, each with its purpose, and the `files` of the recording with their sizes."""
    told = sources.told
    withheld = recording.is_withheld(dict(told))
    commands = [] if withheld else list(_again(sources))
    folder = shlex.quote(str(sources.folder))
    commands.append(_command("in another format", f"python run.py export {folder} --format otlp"))
    if sources.truth is not None:
        commands.append(_command("the key in words", f"python run.py explain {folder}"))
    return {
        "commands": commands,
        "folder": str(sources.folder),
        "versions": told.get("versions", {}),
        "files": [
            {"name": name, "bytes": each["bytes"], "records": each.get("records")}
            for name, each in told["files"].items()
        ],
    }


def _again(sources: Sources) -> Iterator[dict[str, str]]:
    """Yield commands to simulate it (if scenario and mesh are shipped), compare the bytes, and leave out each fault."""
    told = sources.told
    if line := _simulated(told):
        yield _command("the same recording", line)
    folder = shlex.quote(str(sources.folder))
    yield _command("run again, byte for byte", f"python run.py replay {folder}")
    for fault in (sources.truth or {}).get("faults", ()):
        yield _command(f"without {fault['id']}", f"python run.py whatif {folder} --without {shlex.quote(fault['id'])}")


def _simulated(told: Any) -> str:
    name, options = told["scenario"]["name"], told["options"]
    path = shipped().get(name)
    if path is None or path.read_text(encoding="utf-8") != told["scenario"]["text"]:
        return ""
    mesh = told["topology"]["name"]
    meshes = shipped_meshes()
    if mesh not in meshes or meshes[mesh].read_text(encoding="utf-8") != told["topology"]["text"]:
        return ""
    words = ["noise", "--noise-type", name.replace("_", "-")] if name in _NOISE else [name]
    for word in ("duration", "lead_in", "recovery", "rate", "interval"):
        unit = "_per_s" if word == "rate" else "_s"
        words += [f"--{word.replace('_', '-')}", f"{options[word + unit]:.15g}"]
    words += ["--severity", f"{options['severity']:.15g}", "--confounders", options["confounders"]]
    if "observability" in options:
        words += ["--observability", options["observability"]]
    if options.get("calm"):
        words.append("--calm")
    words += ["--seed", str(told["seed"]), "--start", told["start"]]
    if mesh != DEFAULT:
        words += ["--topology", mesh]
    return shlex.join(["python", "run.py", *words])


def _command(what: str, line: str) -> dict[str, str]:
    return {"what": what, "line": line}
