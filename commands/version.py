"""`--version`: everything that determines the bytes of a fixture, and its speed."""

from __future__ import annotations

import click


def show_versions(ctx: click.Context, param: click.Parameter, asked: bool) -> None:
    """Print the versions of meshquake, Python and the libraries that determine the bytes, and exit, if asked to.

    The last line says whether the hot path is compiled, which doesn't change the bytes.
    """
    if not asked or ctx.resilient_parsing:
        return
    from platform import python_version

    from meshquake.exporters.fixtures.manifest import versions
    from meshquake.sim.compiled import is_compiled

    name, *others = versions().items()
    click.echo("\n".join(f"{what} {version}" for what, version in (name, ("Python", python_version()), *others)))
    click.echo(f"hot path: {'compiled' if is_compiled() else 'plain Python'}")
    ctx.exit()
