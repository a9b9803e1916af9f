"""What shall be reviewed, understood and checked before anything is started."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from codegen_platform.changes.keys import parse_pull_request
from codegen_platform.cli.addresses import looks_like_address, pull_request_at
from codegen_platform.errors import WrongUsage
from codegen_platform.sandbox import git

MAIN_BRANCHES = ("origin/HEAD", "origin/main", "origin/master", "main", "master", "trunk", "develop")
TITLE_CHARACTERS = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalTarget:
    """A change between two commits of a local repository.

    Attributes:
        folder: the checkout, or the bare repository; absolute, links resolved.
        base_ref, head_ref: names as typed, or found. base_sha, head_sha: full commit ids.
        title, body, author: of the head commit unless told otherwise; hostile text.
    """

    folder: Path
    repository: git.GitRepository
    base_ref: str
    head_ref: str
    base_sha: str
    head_sha: str
    title: str
    body: str
    author: str


@dataclass(frozen=True, kw_only=True, slots=True)
class GitHubTarget:
    """A pull request on GitHub."""

    repository: str
    number: int


def understand(
    target: str,
    *,
    base: str | None = None,
    head: str | None = None,
    title: str | None = None,
    api_url: str = "https://api.github.com",
) -> LocalTarget | GitHubTarget:
    """Return the meaning of TARGET; `api_url` determines our GitHub host.

    Raises:
        WrongUsage: not a repository, an unknown revision, nothing to compare, or none of the known forms.
    """
    path = Path(target).expanduser()
    if path.exists():
        return local_target(path, base=base, head=head, title=title)
    if looks_like_address(target):
        repository, number = pull_request_at(target, api_url=api_url)
    elif "#" in target:
        repository, number = parse_pull_request(target)
    else:
        raise WrongUsage(
            f"{target!r} is neither a folder on this machine nor a pull request (owner/repo#123 or its address)"
        )
    if base or head or title:
        raise WrongUsage("--base, --head and --title are for local repositories: a pull request on GitHub has its own")
    return GitHubTarget(repository=repository, number=number)


def local_target(
    path: Path, *, base: str | None = None, head: str | None = None, title: str | None = None
) -> LocalTarget:
    """Return the change of a local repository.

    Raises:
        WrongUsage: not a repository, no commits, an unknown revision, or no difference that could be reviewed.
    """
    repository = git.open_repository(path)
    folder = (repository.work_tree or repository.git_dir).resolve()
    head_sha = _commit(repository, head) if head else _current_commit(repository, folder)
    base_ref, base_sha = (base, _commit(repository, base)) if base else _main_branch(repository, head_sha)
    # Two branches of one repository are two pull requests.
    head_ref = head or git.current_branch(repository) or "HEAD"
    _refuse_nothing_to_review(repository, base_ref, base_sha, head_ref, head_sha)
    commit = git.log(repository, git.empty_tree(head_sha), head_sha, limit=1)[0]
    return LocalTarget(
        folder=folder,
        repository=repository,
        base_ref=base_ref,
        head_ref=head_ref,
        base_sha=base_sha,
        head_sha=head_sha,
        title=(title or commit.subject or head_ref)[:TITLE_CHARACTERS],
        body=commit.body,
        author=commit.author,
    )


def _commit(repository: git.GitRepository, revision: str) -> str:
    return git.rev_parse(repository, revision)


def _current_commit(repository: git.GitRepository, folder: Path) -> str:
    try:
        return git.rev_parse(repository, "HEAD")
    except WrongUsage:
        raise WrongUsage(f"{folder} has no commits yet: commit something, or name a branch with --head") from None


def _main_branch(repository: git.GitRepository, head_sha: str) -> tuple[str, str]:
    """Return the first main branch that is not the head itself."""
    found: list[str] = []
    for name in MAIN_BRANCHES:
        try:
            sha = git.rev_parse(repository, name)
        except WrongUsage:
            continue
        if sha != head_sha:
            return name, sha
        found.append(name)
    if found:
        raise WrongUsage(f"the head is {found[0]} itself: say what to compare it with, such as --base HEAD~1")
    raise WrongUsage("no main branch was found to compare with: name one with --base")


def _refuse_nothing_to_review(
    repository: git.GitRepository, base_ref: str, base_sha: str, head_ref: str, head_sha: str
) -> None:
    if base_sha == head_sha:
        raise WrongUsage(
            f"base {base_ref} and head {head_ref} are the same commit {head_sha[:12]}: there is nothing to review"
        )
    if base_sha == git.empty_tree(head_sha):
        return
    common = git.merge_base(repository, base_sha, head_sha)
    if common is None:
        raise WrongUsage(f"base {base_ref} and head {head_ref} have no common history (is the clone shallow?)")
    if common == head_sha:
        raise WrongUsage(f"head {head_ref} is already part of base {base_ref}: there is nothing to review")
