"""`up`: starts everything, reviews the example on a new home, and stays in the foreground until Ctrl-C."""

from __future__ import annotations

from dataclasses import asdict

from rich.text import Text

from codegen_platform.cli.command_settings import command_settings
from codegen_platform.cli.example import BASE_BRANCH, HEAD_BRANCH, materialize_example
from codegen_platform.cli.output import console, print_json
from codegen_platform.cli.progress import Progress
from codegen_platform.cli.registering import register_local
from codegen_platform.cli.report import ReviewReport
from codegen_platform.cli.reviewing import follow_review, show
from codegen_platform.cli.session import Session, started
from codegen_platform.cli.targets import local_target
from codegen_platform.errors import CodegenError
from codegen_platform.local.platform import Platform
from codegen_platform.store import EXAMPLE_REPOSITORY, TaskFilter

FIRST_REVIEW_SECONDS = 300


def start(*, once: bool, with_example: bool, as_json: bool) -> int:
    """Start the platform and run it until Ctrl-C; with `once`, stop after the example's review. Return 0.

    The example is reviewed if no task was ever created, and with `once`; an existing review is shown again. Without `once` the
    platform keeps running if the example is not reviewed: older tasks may be ahead of it, or PostgreSQL was restarted.

    Raises:
        AlreadyRunning: a platform is running on this home.
        LocalFailure: a part could not be started, or ended and could not be restarted.
        NotReviewed: the example was not reviewed; only with `once`, like every other error of the review.
    """
    settings = command_settings()
    with Platform(settings) as platform, Progress() as progress, started(platform, progress) as running:
        report = None
        if with_example and (once or _is_new(running)):
            try:
                report = _example_reviewed(running, progress)
            except CodegenError as error:
                platform.check()
                if once:
                    raise
                progress.note(f"The example was not reviewed: {error}")
        progress.done()
        if report is not None:
            show(report, as_json=as_json)
        elif as_json:
            print_json({"home": str(running.home), "addresses": asdict(platform.addresses)})
        if not once:
            _say_where(platform)
            platform.wait()
    return 0


def _is_new(running: Session) -> bool:
    """Return whether this ledger has never had a task."""
    return not running.store.queries.tasks(TaskFilter(), limit=1).items


def _example_reviewed(running: Session, progress: Progress) -> ReviewReport:
    folder, _, _ = materialize_example(running.home / "example")
    target = local_target(folder, base=BASE_BRANCH, head=HEAD_BRANCH)
    facts = register_local(running.store, target, full_name=EXAMPLE_REPOSITORY)
    return follow_review(running, facts, progress, timeout_seconds=FIRST_REVIEW_SECONDS)


def _say_where(platform: Platform) -> None:
    addresses = platform.addresses
    lines = (
        ("Dagster", f"{addresses.dagster}  runs, assets and their lineage"),
        ("Gateway", f"{addresses.gateway}  for this machine only: API at /docs, /metrics, /readyz"),
        ("Webhooks", f"{addresses.webhooks}/webhooks/github  the only port to put on the internet, behind TLS"),
        ("Home", f"{platform.settings.home}  state, artifacts, reviews, logs"),
        ("Next", "codegen-platform review PATH   in another terminal, for a repository of yours"),
    )
    out = console(stderr=True)
    out.print()
    for name, what in lines:
        out.print(Text(f"{name:10}{what}"), soft_wrap=True)
    out.print(Text("\nThe platform is running. Ctrl-C stops all of it.", style="bold"))
