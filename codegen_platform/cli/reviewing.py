"""`review`: from a target to the printed report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from codegen_platform.artifacts import Severity
from codegen_platform.changes.keys import LOCAL_OWNER
from codegen_platform.cli.addresses import looks_like_address
from codegen_platform.cli.collecting import collect
from codegen_platform.cli.command_settings import command_settings
from codegen_platform.cli.deliveries import PullRequestFacts, deliver, pull_request_event, review_command_event
from codegen_platform.cli.following import Journey
from codegen_platform.cli.joining import join
from codegen_platform.cli.output import console, print_json
from codegen_platform.cli.progress import Progress
from codegen_platform.cli.registering import look_up_github, register_local
from codegen_platform.cli.report import ReviewReport, report_as_json
from codegen_platform.cli.session import Session, session
from codegen_platform.cli.targets import GitHubTarget, LocalTarget, understand
from codegen_platform.errors import WrongUsage
from codegen_platform.settings import Settings
from codegen_platform.store import TaskFilter


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewRequest:
    """What the command line said."""

    target: str
    base: str | None = None
    head: str | None = None
    title: str | None = None
    fail_on: str | None = None
    again: bool = False
    notes: bool = False
    timeout_seconds: float = 900
    as_json: bool = False


def review_target(request: ReviewRequest) -> int:
    """Review the target, print the report, return the exit code (see `ReviewReport.exit_code`).

    Raises:
        WrongUsage: the target cannot be reviewed; nothing was started.
        NotReviewed: there is no review; the message says why.
    """
    settings = command_settings()
    target = _target(request, settings)
    if request.notes and isinstance(target, GitHubTarget):
        raise WrongUsage("--notes is for local repositories: a review of a pull request on GitHub stands on GitHub")
    if request.again and isinstance(target, GitHubTarget):
        raise WrongUsage("--again is for local repositories: on GitHub, comment /review on the pull request")
    with Progress() as progress, _looked_up(settings, target, progress) as (known, running):
        facts = known or register_local(running.store, _local(target))
        report = follow_review(running, facts, progress, timeout_seconds=request.timeout_seconds, again=request.again)
        progress.done()
        if isinstance(target, LocalTarget) and request.notes:
            progress.note(_attach_note(running, target, report))
        show(report, as_json=request.as_json)
    return report.exit_code(Severity(request.fail_on) if request.fail_on else None)


def follow_review(
    running: Session, facts: PullRequestFacts, progress: Progress, *, timeout_seconds: float, again: bool = False
) -> ReviewReport:
    """Send the event of a pull request and follow it until its review stands.

    Args:
        again: whether a commit that was reviewed before is reviewed once more.

    Raises:
        DeliveryRefused: the gateway did not take the event.
        NotReviewed: it took too long, or ended without a review.
    """
    name = f"{facts.repository}#{facts.number}"
    progress.note(f"Reviewing {name} at {facts.head_sha[:12]}" + (f": {facts.title}" if facts.title != name else ""))
    journey = Journey(
        store=running.store,
        storage=running.storage,
        head_sha=facts.head_sha,
        on_step=progress.step,
        timeout_seconds=timeout_seconds,
        check=running.check,
    )
    event = review_command_event if again and _was_reviewed(running, facts) else pull_request_event
    event_id = deliver(running.gateway_url, event(facts), secret=running.webhook_secret)
    task = journey.follow(event_id)
    if not journey.is_new:
        how = "--again" if name.startswith(LOCAL_OWNER) else "the comment /review"
        progress.note(f"This commit was reviewed before; here is that review. For a new one: {how}.")
    return collect(
        running.store,
        running.storage,
        task,
        head_sha=facts.head_sha,
        home=running.home,
        dagster_url=running.dagster_url,
        title=facts.title,
        seconds=journey.seconds() if journey.is_new else None,
    )


def _target(request: ReviewRequest, settings: Settings) -> LocalTarget | GitHubTarget:
    given = settings
    if looks_like_address(request.target):  # the running platform knows its GitHub host
        with Progress() as progress:
            given = join(settings, progress).settings
    return understand(
        request.target, base=request.base, head=request.head, title=request.title, api_url=given.github.api_url
    )


@contextmanager
def _looked_up(
    settings: Settings, target: LocalTarget | GitHubTarget, progress: Progress
) -> Iterator[tuple[PullRequestFacts | None, Session]]:
    """Provide GitHub's facts about the target, read with the running platform's token, and then the session."""
    known = look_up_github(join(settings, progress).settings, target) if isinstance(target, GitHubTarget) else None
    with session(settings, progress) as running:
        yield known, running


def _was_reviewed(running: Session, facts: PullRequestFacts) -> bool:
    known = running.store.queries.tasks(
        TaskFilter(statuses=["complete"], repository=facts.repository, number=facts.number), limit=1000
    )
    return any(task.head_sha == facts.head_sha for task in known.items)


def show(report: ReviewReport, *, as_json: bool) -> None:
    """Print the report on stdout."""
    if as_json:
        print_json(report_as_json(report))
        return
    from codegen_platform.cli.rendering import print_report

    print_report(console(), report)


def _local(target: LocalTarget | GitHubTarget) -> LocalTarget:
    assert isinstance(target, LocalTarget), "pull requests on GitHub are looked up, not registered"
    return target


def _attach_note(running: Session, target: LocalTarget, report: ReviewReport) -> str:
    """Put what was published beside the head commit, where `git log --notes=codegen-platform` shows it."""
    from codegen_platform.publishing.local_writer import LocalWriter
    from codegen_platform.publishing.post import ReviewPost

    effects = running.store.effects.for_task(UUID(report.review.task_id))
    if not effects:
        return "No note was added: nothing was published."
    LocalWriter(home=running.home).write_note(ReviewPost.from_bytes(effects[-1].payload), target.folder)
    return f"Added a git note: git -C {target.folder} log -1 --notes=codegen-platform {target.head_sha[:12]}"
