"""`codegen-platform status` and `down`."""

from __future__ import annotations

import click

from codegen_platform.cli.commands.options import as_json


@click.command(short_help="Show the running platform, its health and its queue.")
@as_json
def status(as_json: bool) -> int:
    """Show the platform on CODEGEN_HOME: its parts, addresses, health, and the number of ready tasks.

    Exits with 0 if everything runs and answers, with 1 if the platform is stopped, starting or unwell.

    \b
    Examples:
      codegen-platform status
      codegen-platform status --json
    """
    from codegen_platform.cli.standing import show_status

    return show_status(as_json=as_json)


@click.command(short_help="Stop the platform on this home.")
@click.option(
    "--timeout",
    type=click.FloatRange(1, 3600),
    default=60,
    show_default=True,
    help="Give up after this many seconds.",
)
@as_json
def down(timeout: float, as_json: bool) -> int:
    """Stop the platform on CODEGEN_HOME, as Ctrl-C in its terminal does, and wait until all its processes have ended.

    A review that is being posted is completed; runs continue at the next `up`. Does nothing if no platform is running.

    \b
    Examples:
      codegen-platform down
      codegen-platform down --timeout 300 --json
    """
    from codegen_platform.cli.standing import stop

    return stop(timeout_seconds=timeout, as_json=as_json)
