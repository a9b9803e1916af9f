"""What exists at the GitHub double: accounts, repositories, pull requests, reviews."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.doubles.github_git import DiffFile, FileContents, GitStorage
from tests.doubles.github_review_rules import EVENTS, hunk_text, position_of

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """A user, a bot or an organisation."""

    login: str
    id: int
    type: str = "User"

    def json(self, api: str) -> Json:
        """Return the short form that GitHub nests everywhere."""
        return {
            "login": self.login,
            "id": self.id,
            "node_id": f"U_{self.id}",
            "type": self.type,
            "site_admin": False,
            "avatar_url": "",
            "url": f"{api}/users/{self.login}",
            "html_url": f"{web(api)}/{self.login}",
        }


@dataclass(kw_only=True)
class Comment:
    """One inline comment of a review."""

    id: int
    review_id: int
    user: Account
    path: str
    body: str
    line: int
    side: str
    start_line: int | None
    start_side: str | None
    commit_id: str
    diff_hunk: str
    position: int
    created_at: float


@dataclass(kw_only=True)
class Review:
    """One submitted (or pending) review; `visible_at` is when lists begin to show it."""

    id: int
    user: Account
    body: str
    state: str
    commit_id: str
    submitted_at: float
    visible_at: float
    comments: list[Comment] = field(default_factory=list)


@dataclass(kw_only=True)
class PullRequest:
    """One pull request and the heads it ever had, with the diff of each; without an `updated_at` it was touched just now."""

    number: int
    id: int
    title: str
    body: str
    author: Account
    base_ref: str
    head_ref: str
    base_sha: str
    merge_base: str
    heads: list[str]
    head_repository: str | None
    draft: bool = False
    state: str = "open"
    merged: bool = False
    opened_at: float = field(default_factory=time.time)
    updated_at: float | None = None
    commits: set[str] = field(default_factory=set)
    files: dict[str, tuple[DiffFile, ...]] = field(default_factory=dict)
    reviews: list[Review] = field(default_factory=list)
    issue_comments: list[Json] = field(default_factory=list)
    counted_files: int | None = None

    @property
    def head_sha(self) -> str:
        """Return the present head commit."""
        return self.heads[-1]


@dataclass(kw_only=True)
class Repository:
    """One repository with its git storage."""

    owner: Account
    name: str
    id: int
    private: bool = False
    default_branch: str = "main"
    git: GitStorage = field(default_factory=GitStorage)
    branches: dict[str, str] = field(default_factory=dict)
    pulls: dict[int, PullRequest] = field(default_factory=dict)
    permissions: dict[str, str] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        """Return `owner/name`."""
        return f"{self.owner.login}/{self.name}"

    def resolve(self, revision: str) -> str | None:
        """Return the commit that a branch name or id means."""
        return self.branches.get(revision) or self.git.resolve(revision)


class World:
    """All state of the double. Not thread-safe by itself: the server holds one lock around every change.

    Attributes:
        read_lag_seconds: how long lists do not show a new review.
        hidden_comment_lines: comments on these lines are accepted and never shown, as GraphQL was seen to do.
    """

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.repositories: dict[str, Repository] = {}
        self.renamed: dict[str, Repository] = {}
        self.read_lag_seconds = 0.0
        self.hidden_comment_lines: set[int] = set()
        self._ids = itertools.count(1_000_001)

    def next_id(self) -> int:
        """Return an id nothing else has."""
        return next(self._ids)

    def account(self, login: str, *, type: str = "User", id: int | None = None) -> Account:
        """Return the account of that login, made on first use."""
        if login not in self.accounts:
            self.accounts[login] = Account(login=login, id=id or self.next_id(), type=type)
        return self.accounts[login]

    def repository(self, owner: str, name: str) -> Repository:
        """Return the repository of that name, made on first use."""
        key = f"{owner}/{name}".lower()
        if key in self.renamed:
            key = self.renamed[key].full_name.lower()
        if key not in self.repositories:
            self.repositories[key] = Repository(owner=self.account(owner), name=name, id=self.next_id())
        return self.repositories[key]

    def rename(self, repository: Repository, to: str) -> None:
        """Give a repository another full name; its old one leads to it."""
        old = repository.full_name.lower()
        owner, _, name = to.partition("/")
        del self.repositories[old]
        repository.owner, repository.name = self.account(owner), name
        self.renamed[old] = self.repositories[to.lower()] = repository

    def open_pull(
        self,
        repository: Repository,
        number: int,
        *,
        base_sha: str,
        head_sha: str,
        title: str,
        body: str,
        author: str,
        base_ref: str,
        head_ref: str,
        head_repository: str | None,
        draft: bool,
    ) -> PullRequest:
        """Put a pull request between two commits that the repository's git has."""
        pull = PullRequest(
            number=number,
            id=self.next_id(),
            title=title,
            body=body,
            author=self.account(author),
            base_ref=base_ref,
            head_ref=head_ref,
            base_sha=base_sha,
            merge_base=repository.git.merge_base(base_sha, head_sha),
            heads=[],
            head_repository=head_repository,
            draft=draft,
        )
        repository.branches.setdefault(base_ref, base_sha)
        repository.pulls[number] = pull
        self.move_head(repository, pull, head_sha)
        return pull

    def move_head(self, repository: Repository, pull: PullRequest, head_sha: str) -> None:
        """Make `head_sha` the head of the pull request, as a push does."""
        pull.files[head_sha] = repository.git.diff(pull.merge_base, head_sha)
        repository.git.tree(head_sha)
        repository.git.load_blobs([file.sha for file in pull.files[head_sha]])
        pull.commits.add(head_sha)
        pull.commits.update(sha for sha, _ in repository.git.commits_between(pull.merge_base, head_sha))
        pull.heads.append(head_sha)
        repository.branches[pull.head_ref] = head_sha

    def add_review(self, repository: Repository, pull: PullRequest, user: Account, asked: Mapping[str, Any]) -> Review:
        """Store a review that passed the rules, with its comments."""
        commit_id = asked.get("commit_id") or pull.head_sha
        now = time.time()
        review = Review(
            id=self.next_id(),
            user=user,
            body=asked.get("body") or "",
            state=EVENTS.get(str(asked.get("event")), "PENDING"),
            commit_id=commit_id,
            submitted_at=now,
            visible_at=now + self.read_lag_seconds,
        )
        files = {file.filename: file for file in self.files_at(repository, pull, commit_id)}
        for comment in asked.get("comments") or []:
            if comment.get("line") in self.hidden_comment_lines:
                continue
            review.comments.append(self._comment(review, user, comment, files[comment["path"]].patch or ""))
        pull.reviews.append(review)
        return review

    def files_at(self, repository: Repository, pull: PullRequest, commit_id: str) -> tuple[DiffFile, ...]:
        """Return the files of the diff up to one commit of the pull request."""
        return pull.files.get(commit_id) or repository.git.diff(pull.merge_base, commit_id)

    def _comment(self, review: Review, user: Account, asked: Mapping[str, Any], patch: str) -> Comment:
        side = asked.get("side", "RIGHT")
        line = asked.get("line") or _line_at(patch, int(asked.get("position", 1)))
        return Comment(
            id=self.next_id(),
            review_id=review.id,
            user=user,
            path=asked["path"],
            body=asked["body"],
            line=line,
            side=side,
            start_line=asked.get("start_line"),
            start_side=asked.get("start_side") or (side if asked.get("start_line") else None),
            commit_id=review.commit_id,
            diff_hunk=hunk_text(patch, side, line),
            position=position_of(patch, side, line),
            created_at=review.submitted_at,
        )

    def seed_commits(
        self, repository: Repository, base_files: FileContents, head_files: FileContents, *, number: int, author: str
    ) -> tuple[str, str]:
        """Store a base commit and a head commit on top of it; equal base files give the same base commit."""
        base = repository.git.commit(base_files, message="base")
        head = repository.git.commit(head_files, message=f"change of #{number}", parent=base, author=author)
        return base, head

    def fetch_commits(self, repository: Repository, source: Path, base: str, head: str) -> tuple[str, str]:
        """Copy two revisions of a git repository on disk into the double."""
        return repository.git.fetch(source, base), repository.git.fetch(source, head)


def _line_at(patch: str, position: int) -> int:
    for line in itertools.count(1):
        try:
            if position_of(patch, "RIGHT", line) >= position:
                return line
        except KeyError:
            if line > 10_000_000:
                raise
    raise AssertionError


def web(api: str) -> str:
    """Return the address of GitHub's pages, for links in answers; nothing listens there."""
    return "https://github.com" if "api.github.com" in api else api + "/_web"


def iso(seconds: float) -> str:
    """Return a time as GitHub writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
