"""Layers depend downwards only: topology <- faults <- sim <- truth <- ensembles <- exporters <- agents <- commands."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("topology", "faults", "sim", "truth", "ensembles", "exporters", "agents", "commands")


def modules() -> dict[str, Path]:
    """Return every module of the layers, by dotted name."""
    files = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    names = (".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in files)
    return {f"meshquake.{name}": path for name, path in zip(names, files, strict=True)}


def room(module: str) -> str:
    """Return the layer that a module belongs to; empty for one from elsewhere."""
    package, _, rest = module.partition(".")
    return rest.split(".")[0] if package == "meshquake" else ""


def imports(path: Path, *, running: bool) -> list[str]:
    """Return everything that a module imports; with `running`, without imports for type checkers only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    hidden: set[ast.AST] = set()
    if running:
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                hidden.update(child for statement in node.body for child in ast.walk(statement))
    found = []
    for node in ast.walk(tree):
        if node in hidden:
            continue
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found


@pytest.mark.parametrize("name", modules())
def test_a_room_imports_only_from_rooms_to_its_left(name: str) -> None:
    found = imports(modules()[name], running=False)
    assert [other for other in found if room(other) in ROOMS[ROOMS.index(room(name)) + 1 :]] == []
    assert [other for other in found if other.split(".")[0] in ROOMS] == [], "it is meshquake.<room>"


def dependencies(*, running: bool) -> nx.DiGraph:
    """Return which module imports which; with `running`, without imports for type checkers only."""
    known = modules()
    graph = nx.DiGraph()
    for name, path in known.items():
        for other in imports(path, running=running):
            # `from sim import x` in a package's own `__init__` re-exports its content.
            if other in known and known[other].name != "__init__.py" and path.name != "__init__.py":
                graph.add_edge(name, other)
    return graph


def test_no_module_needs_one_that_needs_it() -> None:
    rings = nx.strongly_connected_components(dependencies(running=True))
    assert [sorted(group) for group in rings if len(group) > 1] == []


#: One thing in several files: a call knows its site, its caller and its replica, each of these its service, and
#: that its deployments and their subsets.
AGGREGATE = {
    f"meshquake.sim.engine.{name}"
    for name in (
        *("call", "call_site", "caller_state", "deployment", "edge"),
        *("policy", "replica", "service", "shared_cores", "subset"),
    )
}


def test_only_what_a_call_is_made_of_goes_round_in_types() -> None:
    rings = [set(group) for group in nx.strongly_connected_components(dependencies(running=False)) if len(group) > 1]
    assert rings == [AGGREGATE]


@pytest.mark.parametrize("package", ["simpy", "polars", "click", "rich"])
def test_the_mesh_and_its_faults_are_described_without_what_runs_or_shows_them(package: str) -> None:
    for name, path in modules().items():
        if room(name) in ("topology", "faults"):
            assert package not in imports(path, running=False), name


@pytest.mark.parametrize("package", ["fastapi", "pydantic", "starlette", "uvicorn"])
def test_only_the_servers_import_what_their_extra_installs(package: str) -> None:
    for name, path in modules().items():
        found = imports(path, running=False)
        if not name.startswith(("meshquake.exporters.server", "meshquake.exporters.live")):
            assert [other for other in found if other.startswith("meshquake.exporters.server")] == [], name
            # The agents' server speaks another protocol and has an extra of its own.
            if name != "meshquake.agents.serving.transport":
                assert [other for other in found if other.split(".")[0] == package] == [], name


def test_only_the_server_of_agents_speaks_their_protocol() -> None:
    for name, path in modules().items():
        if not name.startswith("meshquake.agents.serving"):
            assert [other for other in imports(path, running=False) if other.split(".")[0] == "mcp"] == [], name


def test_no_randomness_is_ambient() -> None:
    for name, path in modules().items():
        text = path.read_text(encoding="utf-8")
        assert "import random" not in text, name
        # Philox takes an address; everything else there takes the next number.
        assert re.search(r"np\.random\.(?!Philox\b|Generator\b)", text) is None, name


def test_only_the_command_line_looks_at_the_clock() -> None:
    for name, path in modules().items():
        text = path.read_text(encoding="utf-8")
        if room(name) != "commands":
            assert not any(word in text for word in ("time.time(", "perf_counter", ".now(", "utcnow")), name
