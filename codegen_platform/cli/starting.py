"""`up`: everything started, the example reviewed, and then in the foreground until Ctrl-C."""

from __future__ import annotations

from rich.text import Text

from codegen_platform.cli.command_settings import command_settings
from codegen_platform.cli.example import BASE_BRANCH, HEAD_BRANCH, materialize_example
from codegen_platform.cli.output import console
from codegen_platform.cli.progress import Progress
from codegen_platform.cli.registering import register_local
from codegen_platform.cli.reviewing import follow_review, show
from codegen_platform.cli.session import started
from codegen_platform.cli.targets import local_target
from codegen_platform.local.platform import Platform

FIRST_REVIEW_SECONDS = 300


def start_and_review_example(*, once: bool, as_json: bool) -> int:
    """Start the platform, review the example, print it; return 0 once told to stop, or at once with `once`.

    Raises:
        AlreadyRunning: a platform runs on this home.
        LocalFailure: a part could not be started, or ended and did not come back.
        NotReviewed: no review came of the example.
    """
    settings = command_settings()
    with Platform(settings) as platform, Progress() as progress, started(platform, progress) as running:
        folder, _, _ = materialize_example(settings.home / "example")
        target = local_target(folder, base=BASE_BRANCH, head=HEAD_BRANCH)
        report = follow_review(
            running, register_local(running.store, target), progress, timeout_seconds=FIRST_REVIEW_SECONDS, again=True
        )
        progress.done()
        show(report, as_json=as_json)
        if not once:
            _say_where(platform)
            platform.wait()
    return 0


def _say_where(platform: Platform) -> None:
    addresses = platform.addresses
    lines = (
        ("Dagster", f"{addresses.dagster}  runs, assets and their lineage"),
        ("Gateway", f"{addresses.gateway}  webhooks at /webhooks/github, API at /docs, /metrics, /healthz"),
        ("Home", f"{platform.settings.home}  state, artifacts, reviews, logs"),
        ("Next", "codegen-platform review PATH   in another terminal, for a repository of yours"),
    )
    out = console(stderr=True)
    out.print()
    for name, what in lines:
        out.print(Text(f"{name:9}{what}"), soft_wrap=True)
    out.print(Text("\nThe platform is running. Ctrl-C stops all of it.", style="bold"))
