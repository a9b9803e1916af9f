"""`codegen-platform up`."""

from __future__ import annotations

import click

from codegen_platform.cli.commands.options import as_json


@click.command()
@click.option("--once", is_flag=True, help="Stop everything and exit once the example's review stands.")
@as_json
def up(once: bool, as_json: bool) -> int:
    """Start the platform and review the example that ships with it.

    Everything runs on this machine: PostgreSQL, Redis, the gateway, the publisher, Dagster with its web UI, and
    warm workers. CODEGEN_DATABASE_URL and CODEGEN_REDIS_URL name servers of your own to use instead. State is kept
    in CODEGEN_HOME (default .codegen in the checkout). Ctrl-C stops all of it.

    \b
    Examples:
      codegen-platform up                 stay in the foreground, print where to look
      codegen-platform up --once          review the example, stop everything, exit
      codegen-platform up --once --json   the same, for programs
    """
    from codegen_platform.cli.starting import start_and_review_example

    return start_and_review_example(once=once, as_json=as_json)
