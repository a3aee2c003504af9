"""`--version`: what decides the bytes of a fixture, and how fast it is made."""

from __future__ import annotations

import click


def show_versions(ctx: click.Context, param: click.Parameter, asked: bool) -> None:
    """Print the versions of this, of Python and of the libraries that decide the bytes, and exit, if asked to.

    The last line says whether the hot path is compiled, which changes no byte.
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
