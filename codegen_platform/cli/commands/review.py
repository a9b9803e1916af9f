"""`codegen-platform review`."""

from __future__ import annotations

import click

from codegen_platform.cli.commands.options import SEVERITIES, as_json


@click.command(short_help="Review a local repository, or a pull request on GitHub.")
@click.argument("target")
@click.option("--base", metavar="REV", help="Compare with this branch, tag or commit.  [default: the main branch]")
@click.option("--head", metavar="REV", help="Review this branch, tag or commit.  [default: HEAD]")
@click.option("--title", metavar="TEXT", help="Title of the change.  [default: subject of the head commit]")
@click.option(
    "--fail-on",
    type=click.Choice(SEVERITIES),
    help="Exit with 3 on a finding of this severity or higher; with 4 if not everything was read.",
)
@click.option("--again", is_flag=True, help="Review the commit once more if it was reviewed before.")
@click.option("--notes", is_flag=True, help="Also attach the review to the head commit as a git note.")
@click.option(
    "--timeout",
    type=click.FloatRange(1, 86_400),
    default=900,
    show_default=True,
    help="Give up waiting after so many seconds.",
)
@as_json
def review(
    target: str,
    base: str | None,
    head: str | None,
    title: str | None,
    fail_on: str | None,
    again: bool,
    notes: bool,
    timeout: float,
    as_json: bool,
) -> int:
    """Review TARGET: the folder of a git repository, or a pull request on GitHub: OWNER/REPO#NUMBER or its address.

    Uses the platform running on this machine, or starts one for the duration of the review. Only commits are
    reviewed; no code from the change is executed. Without an API key the review is static analysis only.

    \b
    Examples:
      codegen-platform review .                               HEAD against the main branch
      codegen-platform review . --base v1.2 --head my-branch
      codegen-platform review . --fail-on high                exit code 3 if something serious is found,
                                                              4 if not everything was read
      codegen-platform review owner/repo#123 --json           a pull request on GitHub
      codegen-platform review https://github.com/owner/repo/pull/123
    """
    from codegen_platform.cli.reviewing import ReviewRequest, review_target

    request = ReviewRequest(
        target=target,
        base=base,
        head=head,
        title=title,
        fail_on=fail_on,
        again=again,
        notes=notes,
        timeout_seconds=timeout,
        as_json=as_json,
    )
    return review_target(request)
