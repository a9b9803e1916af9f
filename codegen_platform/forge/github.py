"""GitHub as a forge: pull requests read in few calls, by commit id, never by an address found in an answer."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Literal
from urllib.parse import quote

import structlog

from codegen_platform.artifacts import PullRequestSnapshot
from codegen_platform.changes.keys import split_repository
from codegen_platform.errors import ForgeRefused, ForgeUnavailable, Superseded
from codegen_platform.forge.answers import FileAnswer, ListedPullAnswer, PermissionAnswer, PullAnswer
from codegen_platform.forge.auth import GitHubAuth
from codegen_platform.forge.client import GitHubClient
from codegen_platform.forge.connection import Connection
from codegen_platform.forge.contents import MAX_FILES, Entry
from codegen_platform.forge.interface import Head, OpenPullRequest, OpenPullRequests
from codegen_platform.forge.reading import read_pull_request
from codegen_platform.forge.texts import FileReader

log = structlog.get_logger()

PAGE = 100
THREADS = 8
_READS = 3
"""Attempts to read a pull request that is pushed to meanwhile."""


class GitHubForge:
    """Reads pull requests of one GitHub (github.com or an Enterprise Server); safe to use from several threads.

    Args:
        api_url: `https://api.github.com`, or `https://HOST/api/v3`.
        auth: reading is all that it is used for.
        timeout_seconds: for each call; GitHub itself ends calls after 10 s.
    """

    def __init__(self, *, api_url: str, auth: GitHubAuth, timeout_seconds: int = 12) -> None:
        self._client = GitHubClient(Connection(api_url, timeout_seconds=timeout_seconds), auth)
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="github")
        self._reader = FileReader(self._client, self._threads)

    @property
    def name(self) -> str:
        """Return `github`."""
        return "github"

    def close(self) -> None:
        """End the threads and close the connections."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._client.close()

    def head(self, repository: str, number: int) -> Head:
        """Return where the pull request stands; one call."""
        return _head(self._pull(repository, number))

    def may_write(self, repository: str, login: str) -> bool:
        """Return whether `login` may push to the repository now; False for somebody GitHub does not know."""
        split_repository(repository)
        path = f"/collaborators/{quote(login, safe='')}/permission"
        if login in ("", ".", ".."):
            return False
        try:
            answer = self._client.get(PermissionAnswer, repository, path)
        except ForgeRefused as error:
            if error.status == 404:
                return False
            raise
        return answer.permission in ("admin", "write")

    def list_open_pull_requests(
        self, repository: str, *, updated_since: datetime | None = None, limit: int = 1_000
    ) -> tuple[OpenPullRequest, ...]:
        """Return the open pull requests, most recently updated first, at most `limit`; one call for each 100.

        For finding work whose webhook never came. `updated_since` leaves out older ones, and the calls for them.
        """
        return self.look_at_open_pull_requests(repository, updated_since=updated_since, limit=limit).pulls or ()

    def look_at_open_pull_requests(
        self, repository: str, *, updated_since: datetime | None = None, limit: int = 1_000, etag: str | None = None
    ) -> OpenPullRequests:
        """Return the open pull requests as above; an unchanged list (same `etag`) costs nothing."""
        split_repository(repository)
        found: list[OpenPullRequest] = []
        first: OpenPullRequests | None = None
        for page in range(1, math.ceil(limit / PAGE) + 1):
            asked: dict[str, str | int] = {
                "state": "open",
                "sort": "updated",
                "direction": "desc",
                "per_page": PAGE,
                "page": page,
            }
            # Any changed pull request moves to the first page, so its tag covers all pages.
            known = etag if page == 1 else None
            pulls, headers = self._client.get_unless_unchanged(
                list[ListedPullAnswer], repository, "/pulls", asked, known
            )
            left = headers.get("x-ratelimit-remaining", "")
            first = first or OpenPullRequests(
                pulls=None, etag=headers.get("etag"), calls_left=int(left) if left.isdecimal() else None
            )
            if pulls is None:
                return first
            fresh = [pull for pull in pulls if updated_since is None or pull.updated_at >= updated_since]
            found += [_open_pull_request(pull) for pull in fresh]
            if len(fresh) < PAGE:
                break
        assert first is not None, "limit is positive"
        return replace(first, pulls=tuple(found[:limit]))

    def snapshot(self, repository: str, number: int, *, head_sha: str | None = None) -> PullRequestSnapshot:
        """Return the pull request's snapshot: usually four calls, two at a time.

        Raises:
            Superseded: `head_sha` was given and is not the head, or the pull request is not open.
            ForgeUnavailable, ForgeRefused: see `Forge`.
        """
        for _ in range(_READS):
            page = self._threads.submit(self._files, repository, number, 1)
            pull = self._pull(repository, number)
            if head_sha is not None and pull.head.sha != head_sha:
                raise Superseded(
                    f"{repository}#{number} is at {pull.head.sha}, not {head_sha}", shown_head_sha=pull.head.sha
                )
            if pull.state != "open":
                raise Superseded(f"{repository}#{number} is {'merged' if pull.merged_at else 'closed'}")
            entries = self._entries(repository, number, page.result(), pull.changed_files)
            reading = read_pull_request(self._client, self._reader, self._threads, repository, pull, entries)
            if reading.is_of_one_head or self._pull(repository, number).head.sha == pull.head.sha:
                return reading.snapshot()
            log.info("forge.head_moved_while_reading", repository=repository, number=number)
        raise ForgeUnavailable(f"{repository}#{number} changes faster than it can be read", retry_after_seconds=10)

    def _pull(self, repository: str, number: int) -> PullAnswer:
        split_repository(repository)
        return self._client.get(PullAnswer, repository, f"/pulls/{int(number)}")

    def _files(self, repository: str, number: int, page: int) -> tuple[list[FileAnswer], bool]:
        """Return one page of the files, and whether there may be another one."""
        split_repository(repository)
        asked: dict[str, str | int] = {"per_page": PAGE, "page": page}
        files, has_next = self._client.get_page(FileAnswer, repository, f"/pulls/{int(number)}/files", asked)
        return files, len(files) >= PAGE if has_next is None else has_next

    def _entries(self, repository: str, number: int, first: tuple[list[FileAnswer], bool], counted: int) -> list[Entry]:
        """Return all files that GitHub lists, given the first page.

        The answers mark the end of the list. GitHub's count only allows reading pages in parallel: it may be from another moment than
        the list.
        """
        promised = range(2, math.ceil(min(counted, MAX_FILES) / PAGE) + 1)
        answers = [first, *self._threads.map(lambda page: self._files(repository, number, page), promised)]
        while answers[-1][1] and len(answers) * PAGE < MAX_FILES:
            answers.append(self._files(repository, number, len(answers) + 1))
        return [file.entry() for files, _ in answers for file in files]


def _head(pull: PullAnswer) -> Head:
    state: Literal["open", "closed", "merged"] = "open" if pull.state == "open" else "closed"
    return Head(
        number=pull.number,
        head_sha=pull.head.sha,
        base_sha=pull.base.sha,
        base_ref=pull.base.ref,
        state="merged" if pull.merged_at else state,
        draft=pull.draft,
        author_id=pull.user.id if pull.user else 0,
        author=pull.user.login if pull.user else "",
    )


def _open_pull_request(pull: ListedPullAnswer) -> OpenPullRequest:
    return OpenPullRequest(
        repository=pull.base.repo.full_name,
        repository_id=pull.base.repo.id,
        number=pull.number,
        title=pull.title,
        draft=pull.draft,
        head_sha=pull.head.sha,
        head_ref=pull.head.ref,
        base_sha=pull.base.sha,
        base_ref=pull.base.ref,
        opened_at=pull.created_at,
        updated_at=pull.updated_at,
        author=pull.user.login if pull.user else None,
        author_id=pull.user.id if pull.user else None,
        author_type=pull.user.type if pull.user else "User",
    )
