"""`codegen-platform serve`."""

from __future__ import annotations

import click

PARTS = ("gateway", "publisher", "workers", "code-server", "webserver", "daemon")


@click.command(short_help="Run one part of the platform, for a service manager.")
@click.argument("part", type=click.Choice(PARTS))
def serve(part: str) -> None:
    """Run PART in this process until SIGTERM. `up` runs all parts.

    gateway receives webhooks and serves the API, publisher writes to GitHub, workers execute runs; code-server, webserver
    and daemon are Dagster's. All parts need the same CODEGEN_HOME (Dagster's three on one machine), CODEGEN_DATABASE_URL
    and CODEGEN_REDIS_URL. Run migrate once after each update.

    \b
    Examples:
      codegen-platform serve gateway
      CODEGEN_WORKERS__METRICS_PORT=8013 codegen-platform serve workers
    """
    from codegen_platform.cli.serving import become

    become(part)
