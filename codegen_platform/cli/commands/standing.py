"""`codegen-platform status` and `down`."""

from __future__ import annotations

import click

from codegen_platform.cli.commands.options import as_json


@click.command(short_help="Show what runs, where, since when, and what waits.")
@as_json
def status(as_json: bool) -> int:
    """Show the platform that runs on CODEGEN_HOME: its parts, addresses, health, and how many tasks are ready.

    Exits with 0 if all of it runs and answers, with 1 if it is stopped, starting or unwell.

    \b
    Examples:
      codegen-platform status
      codegen-platform status --json
    """
    from codegen_platform.cli.standing import show_status

    return show_status(as_json=as_json)


@click.command(short_help="Stop the platform that runs on this home.")
@click.option(
    "--timeout",
    type=click.FloatRange(1, 3600),
    default=60,
    show_default=True,
    help="Give up waiting after so many seconds.",
)
@as_json
def down(timeout: float, as_json: bool) -> int:
    """Stop the platform that runs on CODEGEN_HOME, as Ctrl-C in its terminal does, and wait until all of it is gone.

    A review that is being posted is seen to its end; runs go on at the next `up`. Nothing happens if nothing runs.

    \b
    Examples:
      codegen-platform down
      codegen-platform down --timeout 300 --json
    """
    from codegen_platform.cli.standing import stop

    return stop(timeout_seconds=timeout, as_json=as_json)
