"""`codegen-platform tasks rebuild`."""

from __future__ import annotations

import click

from codegen_platform.cli.commands.options import as_json


@click.command(short_help="Recreate every task from its events, and compare.")
@click.option("--apply", is_flag=True, help="Write the rows that differ as their events say.")
@as_json
def rebuild(apply: bool, as_json: bool) -> int:
    """Recreate every task from its events, and compare with the rows that are there.

    Opens the database itself. Without --apply nothing is written, and the exit code is 1 if a row differs.

    \b
    Examples:
      codegen-platform tasks rebuild
      codegen-platform tasks rebuild --apply
    """
    from codegen_platform.cli.rebuilding import rebuild_tasks

    return rebuild_tasks(apply=apply, as_json=as_json)
