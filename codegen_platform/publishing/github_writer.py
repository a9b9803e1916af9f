"""What the publisher does on GitHub: look where a pull request stands, find its own review, post one, read it back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from codegen_platform.artifacts import ChangedFile, FileStatus
from codegen_platform.changes.diffs import UnreadableDiff, commentable_lines
from codegen_platform.errors import ForgeRefused, ForgeUnavailable
from codegen_platform.publishing.github_calls import GRAPHQL, GitHubCalls
from codegen_platform.publishing.marker import Marked, MarkerKey, fingerprint_in
from codegen_platform.publishing.post import PostComment, ReviewPost

PAGES_MAX = 30  # of 100: GitHub lists no more than 3,000 files of a pull request


@dataclass(frozen=True, kw_only=True, slots=True)
class PostedReview:
    """A posted review or comment on GitHub."""

    remote_id: str
    url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PostedComment:
    """An inline comment that stands on GitHub; `fingerprint` is None if it carries no finding marker of ours."""

    path: str
    url: str
    fingerprint: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PullState:
    """The present state of a pull request.

    Attributes:
        repository: `owner/name` as GitHub calls it now; differs from the effect's after a renaming.
        closed: `merged` or `closed`; None while it is open.
    """

    repository: str
    head_sha: str
    closed: str | None


class GitHubWriter:
    """The only code that writes to GitHub. Methods raise what `GitHubCalls.read` and `GitHubCalls.write` raise."""

    def __init__(self, calls: GitHubCalls, key: MarkerKey) -> None:
        self._calls, self._key = calls, key
        self._self_ids: dict[str, int] = {}

    def pull_state(self, repository: str, number: int, *, age_seconds: float) -> PullState:
        """Return the present state of the pull request; one call, unless the repository was renamed."""
        found = self._calls.read("head", _pull(repository, number), repository=repository, age_seconds=age_seconds).body
        closed = ("merged" if found.get("merged") else "closed") if found.get("state") == "closed" else None
        named = ((found.get("base") or {}).get("repo") or {}).get("full_name")
        return PullState(repository=str(named or repository), head_sha=str(found["head"]["sha"]), closed=closed)

    def find(self, marked: Marked) -> PostedReview | None:
        """Return our own review of exactly this effect if it stands: genuine marker, and written by the account that we are."""
        return self._own("list_reviews", f"{_pull(marked.repository, marked.number)}/reviews", marked)

    def post(
        self,
        post: ReviewPost,
        marked: Marked,
        *,
        repository: str,
        before_it_leaves: Callable[[], None],
        age_seconds: float,
    ) -> PostedReview:
        """Post the review with all its comments in one call: GitHub takes all of it or nothing.

        Args:
            repository: `owner/name` as GitHub calls it now.
        """
        sent = {
            "commit_id": post.commit_id,
            "event": "COMMENT",  # a constant: there is no way to approve or to request changes
            "body": f"{post.body}\n\n{self._key.marker(marked)}",
            "comments": [_sent_comment(comment) for comment in post.comments],
        }
        answer = self._calls.write(
            "post_review",
            f"{_pull(repository, post.number)}/reviews",
            repository=post.repository,
            sent=sent,
            before_it_leaves=before_it_leaves,
            age_seconds=age_seconds,
        )
        return PostedReview(remote_id=str(answer.body["id"]), url=str(answer.body["html_url"]))

    def post_comment(
        self, text: str, marked: Marked, *, before_it_leaves: Callable[[], None], age_seconds: float
    ) -> PostedReview:
        """Post a comment under the pull request or issue."""
        answer = self._calls.write(
            "post_comment",
            _comments(marked),
            repository=marked.repository,
            sent={"body": f"{text}\n\n{self._key.marker(marked)}"},
            before_it_leaves=before_it_leaves,
            age_seconds=age_seconds,
        )
        return PostedReview(remote_id=str(answer.body["id"]), url=str(answer.body["html_url"]))

    def find_comment(self, marked: Marked) -> PostedReview | None:
        """Return our own comment of exactly this effect if it stands; see `find`."""
        return self._own("list_comments", _comments(marked), marked)

    def comments(self, repository: str, number: int, posted: PostedReview) -> tuple[PostedComment, ...]:
        """Return the inline comments that the review has on GitHub; one call per hundred."""
        path = f"{_pull(repository, number)}/reviews/{posted.remote_id}/comments"
        return tuple(
            PostedComment(
                path=str(comment["path"]),
                url=str(comment["html_url"]),
                fingerprint=fingerprint_in(comment.get("body") or ""),
            )
            for comment in self._pages("read_back", path, repository)
        )

    def refused_comments(self, post: ReviewPost) -> frozenset[int]:
        """Return the places of the comments that are not on a line of the diff as GitHub has it now."""
        files = self._pages("list_files", f"{_pull(post.repository, post.number)}/files", post.repository)
        lines = {str(file["filename"]): _commentable(file) for file in files}
        return frozenset(index for index, comment in enumerate(post.comments) if not _stands(comment, lines))

    def _own(self, operation: str, path: str, marked: Marked) -> PostedReview | None:
        for item in self._pages(operation, path, marked.repository):
            user = item.get("user") or {}
            if self._key.is_in(item.get("body") or "", marked) and user.get("id") == self._self_id(marked.repository):
                return PostedReview(remote_id=str(item["id"]), url=str(item["html_url"]))
        return None

    def _pages(self, operation: str, path: str, repository: str) -> Iterator[dict[str, Any]]:
        for page in range(1, PAGES_MAX + 1):
            items = self._calls.read(operation, f"{path}?per_page=100&page={page}", repository=repository).body
            yield from items
            if len(items) < 100:
                return

    def _self_id(self, repository: str) -> int:
        """Return the numeric id of the account that our token acts as; asked once per repository owner."""
        owner = repository.partition("/")[0]
        if owner not in self._self_ids:
            self._self_ids[owner] = self._ask_self_id(repository)
        return self._self_ids[owner]

    def _ask_self_id(self, repository: str) -> int:
        try:
            return int(self._calls.read("self", "/user", repository=repository).body["id"])
        except ForgeRefused as refused:
            if refused.status != 403:
                raise
        # The token of an App installation has no user; only GraphQL says which bot it is.
        asked = {"query": "query { viewer { databaseId } }"}
        answer = self._calls.read("self", GRAPHQL, repository=repository, query=asked)
        viewer = (answer.body.get("data") or {}).get("viewer") or {}
        if "databaseId" not in viewer:
            raise ForgeUnavailable("GitHub does not say which account our token acts as")
        return int(viewer["databaseId"])


def _pull(repository: str, number: int) -> str:
    return f"/repos/{quote(repository)}/pulls/{number}"


def _comments(marked: Marked) -> str:
    return f"/repos/{quote(marked.repository)}/issues/{marked.number}/comments"


def _sent_comment(comment: PostComment) -> dict[str, object]:
    sent: dict[str, object] = {"path": comment.path, "line": comment.line, "side": comment.side, "body": comment.body}
    if comment.start_line is not None:
        sent |= {"start_line": comment.start_line, "start_side": comment.side}
    return sent


def _commentable(file: dict[str, Any]) -> dict[int, int]:
    try:
        return commentable_lines(
            ChangedFile(path=str(file["filename"]), status=FileStatus.MODIFIED, patch=file.get("patch"))
        )
    except UnreadableDiff:
        return {}


def _stands(comment: PostComment, lines: dict[str, dict[int, int]]) -> bool:
    known = lines.get(comment.path, {})
    if comment.line not in known:
        return False
    if comment.start_line is None:
        return True
    return comment.start_line < comment.line and known.get(comment.start_line) == known[comment.line]
