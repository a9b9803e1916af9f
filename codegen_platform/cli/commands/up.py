"""`codegen-platform up`."""

from __future__ import annotations

import click

from codegen_platform.cli.commands.options import as_json


@click.command()
@click.option("--once", is_flag=True, help="Stop everything and exit once the example's review stands.")
@click.option("--no-example", is_flag=True, help="Do not review the example on a new home.")
@as_json
def up(once: bool, no_example: bool, as_json: bool) -> int:
    """Start the platform; on a new home, also review the example that ships with it.

    Everything runs on this machine: PostgreSQL, Redis, the gateway, the publisher, Dagster with its web UI, and
    warm workers. Set CODEGEN_DATABASE_URL and CODEGEN_REDIS_URL to use your own servers. State is kept
    in CODEGEN_HOME (default .codegen in the checkout). Ctrl-C stops all of it. The example is reviewed without a
    model, and KPIs leave it out.

    \b
    Examples:
      codegen-platform up                 stay in the foreground, print where to look
      codegen-platform up --no-example    start on a new home without reviewing anything
      codegen-platform up --once          review the example, stop everything, exit
      codegen-platform up --once --json   the same, for programs
    """
    from codegen_platform.cli.starting import start

    return start(once=once, with_example=not no_example, as_json=as_json)
