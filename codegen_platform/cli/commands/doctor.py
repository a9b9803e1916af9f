"""`codegen-platform doctor`."""

from __future__ import annotations

import click

from codegen_platform.cli.commands.options import as_json


@click.command(short_help="Print settings with their sources, and probe everything.")
@as_json
def doctor(as_json: bool) -> int:
    """Show what is in force and from where, and probe everything the platform needs.

    Secrets are masked. Each probe says ok, warn or fail, and what to do. Exits with 1 if something needed fails.

    \b
    Examples:
      codegen-platform doctor
      codegen-platform doctor --json
    """
    from codegen_platform.cli.diagnosis import diagnose

    return diagnose(as_json=as_json)
