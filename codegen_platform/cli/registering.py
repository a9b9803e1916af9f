"""Making a target known to the platform: what its event will say."""

from __future__ import annotations

from codegen_platform.changes.keys import local_full_name
from codegen_platform.cli.deliveries import PullRequestFacts
from codegen_platform.cli.targets import GitHubTarget, LocalTarget
from codegen_platform.settings import Settings
from codegen_platform.store import Store


def register_local(store: Store, target: LocalTarget, *, full_name: str | None = None) -> PullRequestFacts:
    """Record the repository and its pull request; the same pair of branches keeps its number.

    `full_name` is `_local/<folder name>-<8 hex of its path>` unless given.

    Raises:
        StoreUnavailable: nothing was recorded, or it is safe to repeat.
    """
    repository = store.repositories.ensure("local", full_name or local_full_name(target.folder), str(target.folder))
    pull = store.repositories.save_local_pull_request(
        repository.id,
        target.base_ref,
        target.head_ref,
        target.base_sha,
        target.head_sha,
        target.title,
        target.body,
        target.author,
    )
    return PullRequestFacts(
        repository=repository.full_name,
        repository_id=repository.id,
        number=pull.number,
        title=target.title,
        body=target.body,
        author=target.author,
        author_id=0,
        base_ref=target.base_ref,
        base_sha=target.base_sha,
        head_ref=target.head_ref,
        head_sha=target.head_sha,
        is_known=pull.updated_at > pull.created_at,
    )


def look_up_github(settings: Settings, target: GitHubTarget) -> PullRequestFacts:
    """Ask GitHub where the pull request stands; one call. A draft counts as ready: who names it wants it reviewed.

    Raises:
        WrongUsage: it is closed or merged.
        ForgeRefused: there is no such pull request, or the token may not see it.
        ForgeUnavailable: GitHub did not answer.
    """
    from codegen_platform.cli.github import head_on_github

    head = head_on_github(settings, target.repository, target.number)
    return PullRequestFacts(
        repository=target.repository,
        repository_id=0,
        number=target.number,
        title=f"{target.repository}#{target.number}",
        body="",
        author=head.author,
        author_id=head.author_id,
        base_ref=head.base_ref,
        base_sha=head.base_sha,
        head_ref=head.head_sha[:12],
        head_sha=head.head_sha,
    )
