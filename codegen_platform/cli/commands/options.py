"""Options that several commands share."""

from __future__ import annotations

import click

PRIORITY = click.IntRange(1, 5)
SEVERITIES = ("critical", "high", "medium", "low", "info")

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs instead of text for people.")
limit = click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=50,
    show_default=True,
    help="Print at most this many, newest first.",
)
