"""Options that several commands share."""

from __future__ import annotations

import click


class Repository(click.ParamType[str]):
    """`owner/repo`, or `_local/NAME` for a repository on this machine."""

    name = "repository"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name as it is, or fail with the form that it should have."""
        from codegen_platform.changes.keys import split_repository
        from codegen_platform.errors import WrongUsage

        try:
            split_repository(value)
        except WrongUsage:
            self.fail(f"{value[:80]!a} is neither owner/repo nor _local/NAME, as tasks list shows them.", param, ctx)
        return value


REPOSITORY = Repository()
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
