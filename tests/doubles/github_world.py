"""What exists at the GitHub double: accounts, repositories, pull requests, reviews, and their JSON as GitHub's API shows it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping
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
        if key not in self.repositories:
            self.repositories[key] = Repository(owner=self.account(owner), name=name, id=self.next_id())
        return self.repositories[key]

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


def repository_json(repository: Repository, api: str) -> Json:
    """Return a repository as `GET /repos/{owner}/{repo}` shows it."""
    name = repository.full_name
    return {
        "id": repository.id,
        "node_id": f"R_{repository.id}",
        "name": repository.name,
        "full_name": name,
        "private": repository.private,
        "owner": repository.owner.json(api),
        "html_url": f"{web(api)}/{name}",
        "description": None,
        "fork": False,
        "url": f"{api}/repos/{name}",
        "clone_url": f"{web(api)}/{name}.git",
        "default_branch": repository.default_branch,
        "archived": False,
        "disabled": False,
        "visibility": "private" if repository.private else "public",
        "permissions": {"admin": False, "push": True, "pull": True},
    }


def pull_json(repository: Repository, pull: PullRequest, api: str) -> Json:
    """Return a pull request as `GET /repos/{owner}/{repo}/pulls/{number}` shows it."""
    files = pull.files[pull.head_sha]
    address = f"{api}/repos/{repository.full_name}/pulls/{pull.number}"
    page = f"{web(api)}/{repository.full_name}/pull/{pull.number}"
    base_repository = repository_json(repository, api)
    head_repository = None
    if pull.head_repository:
        owner, name = pull.head_repository.split("/")
        fork = pull.head_repository != repository.full_name
        head_repository = {**base_repository, "name": name, "full_name": pull.head_repository, "fork": fork}
        head_repository["owner"] = {**base_repository["owner"], "login": owner}
    head_owner = pull.head_repository.split("/")[0] if pull.head_repository else "unknown"
    return {
        "id": pull.id,
        "node_id": f"PR_{pull.id}",
        "number": pull.number,
        "state": pull.state,
        "locked": False,
        "title": pull.title,
        "user": pull.author.json(api),
        "body": pull.body,
        "draft": pull.draft,
        "merged": pull.merged,
        "merged_at": iso(time.time()) if pull.merged else None,
        "mergeable": True,
        "author_association": "CONTRIBUTOR",
        "created_at": iso(pull.opened_at),
        "updated_at": iso(pull.updated_at or time.time()),
        "closed_at": None,
        "labels": [],
        "assignees": [],
        "requested_reviewers": [],
        "requested_teams": [],
        "url": address,
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": f"{api}/repos/{repository.full_name}/issues/{pull.number}",
        "comments_url": f"{api}/repos/{repository.full_name}/issues/{pull.number}/comments",
        "review_comments_url": f"{address}/comments",
        "commits_url": f"{address}/commits",
        "head": {
            "label": f"{head_owner}:{pull.head_ref}",
            "ref": pull.head_ref,
            "sha": pull.head_sha,
            "user": pull.author.json(api),
            "repo": head_repository,
        },
        "base": {
            "label": f"{repository.owner.login}:{pull.base_ref}",
            "ref": pull.base_ref,
            "sha": pull.base_sha,
            "user": repository.owner.json(api),
            "repo": base_repository,
        },
        "commits": len(pull.commits),
        "additions": sum(file.additions for file in files),
        "deletions": sum(file.deletions for file in files),
        "changed_files": len(files) if pull.counted_files is None else pull.counted_files,
        "comments": len(pull.issue_comments),
        "review_comments": sum(len(review.comments) for review in pull.reviews),
    }


def file_json(repository: Repository, file: DiffFile, head_sha: str, api: str) -> Json:
    """Return a changed file as `GET pulls/{number}/files` shows it; keys that GitHub omits are absent."""
    shown: Json = {
        "sha": file.sha,
        "filename": file.filename,
        "status": file.status,
        "additions": file.additions,
        "deletions": file.deletions,
        "changes": file.additions + file.deletions,
        "blob_url": f"{web(api)}/{repository.full_name}/blob/{head_sha}/{file.filename}",
        "raw_url": f"{web(api)}/{repository.full_name}/raw/{head_sha}/{file.filename}",
        "contents_url": f"{api}/repos/{repository.full_name}/contents/{file.filename}?ref={head_sha}",
    }
    if file.patch is not None:
        shown["patch"] = file.patch
    if file.previous_filename is not None:
        shown["previous_filename"] = file.previous_filename
    return shown


def review_json(repository: Repository, pull: PullRequest, review: Review, api: str) -> Json:
    """Return a review as the reviews endpoints show it."""
    page = f"{web(api)}/{repository.full_name}/pull/{pull.number}#pullrequestreview-{review.id}"
    address = f"{api}/repos/{repository.full_name}/pulls/{pull.number}"
    shown: Json = {
        "id": review.id,
        "node_id": f"PRR_{review.id}",
        "user": review.user.json(api),
        "body": review.body,
        "state": review.state,
        "html_url": page,
        "pull_request_url": address,
        "author_association": "NONE",
        "_links": {"html": {"href": page}, "pull_request": {"href": address}},
        "commit_id": review.commit_id,
    }
    if review.state != "PENDING":
        shown["submitted_at"] = iso(review.submitted_at)
    return shown


def comment_json(repository: Repository, pull: PullRequest, comment: Comment, api: str) -> Json:
    """Return an inline comment as the review comment endpoints show it."""
    page = f"{web(api)}/{repository.full_name}/pull/{pull.number}#discussion_r{comment.id}"
    return {
        "id": comment.id,
        "node_id": f"PRRC_{comment.id}",
        "pull_request_review_id": comment.review_id,
        "url": f"{api}/repos/{repository.full_name}/pulls/comments/{comment.id}",
        "html_url": page,
        "pull_request_url": f"{api}/repos/{repository.full_name}/pulls/{pull.number}",
        "user": comment.user.json(api),
        "body": comment.body,
        "path": comment.path,
        "line": comment.line,
        "original_line": comment.line,
        "side": comment.side,
        "start_line": comment.start_line,
        "original_start_line": comment.start_line,
        "start_side": comment.start_side,
        "position": comment.position,
        "original_position": comment.position,
        "commit_id": comment.commit_id,
        "original_commit_id": comment.commit_id,
        "diff_hunk": comment.diff_hunk,
        "author_association": "NONE",
        "subject_type": "line",
        "created_at": iso(comment.created_at),
        "updated_at": iso(comment.created_at),
    }


def visible(reviews: list[Review], user: Account | None) -> Iterator[Review]:
    """Return the reviews a list shows now: replicas lag behind, and a pending review is its author's only."""
    now = time.time()
    return (r for r in reviews if r.visible_at <= now and (r.state != "PENDING" or r.user == user))
