"""A GitHub of our own: a real HTTP server that behaves as api.github.com does, on data that a test gives it.

    with GitHubDouble(latency_seconds=0.05) as github:
        github.seed_pull_request("octo", "shop", 7, base_files={"a.py": "x = 1\\n"}, head_files={"a.py": "x = 2\\n"})
        ...  # point a client at github.url
        github.fault("POST /repos/*/reviews", status=502, after_effect=True)

Or as a process: `python -m tests.doubles.github --port 8080 --latency 0.05`, controlled through `/_control/...`.
A request whose client died is carried out all the same, as at GitHub.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import signal
import threading
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from tests.doubles import github_accounts, github_contents, github_pulls  # noqa: F401 - they register their endpoints
from tests.doubles.github_api import Answer, Api
from tests.doubles.github_app import Identities, deliver
from tests.doubles.github_faults import Fault, Faults
from tests.doubles.github_git import FileContents, Symlink, contents_of_diff
from tests.doubles.github_server import Call, Server
from tests.doubles.github_shapes import pull_json, repository_json
from tests.doubles.github_world import Json, PullRequest, Review, World

__all__ = ["Call", "GitHubDouble", "Symlink"]


class GitHubDouble:
    """The server and the handles by which a test seeds it, disturbs it, and looks at what was done to it.

    Args:
        latency_seconds: time that every call takes before it has any effect.
        port: 0 chooses a free one.
        read_lag_seconds: how long lists do not show a new review yet.
    """

    def __init__(
        self, *, latency_seconds: float = 0.0, port: int = 0, read_lag_seconds: float = 0.0, seed: int = 0
    ) -> None:
        self.latency_seconds = latency_seconds
        self.world = World()
        self.world.read_lag_seconds = read_lag_seconds
        self.identities = Identities(self.world)
        self.faults = Faults(seed=seed)
        self.lock = threading.RLock()
        self.api = Api(self.world, self.identities, self.lock)
        self.calls_left = 4_999
        self.calls: list[Call] = []
        self.posted: list[Json] = []
        self.hung_up: list[int] = []
        """Bytes of each endless answer that were sent before the client hung up."""
        self._server = Server(("127.0.0.1", port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """Return the address to use as `GITHUB_API_URL`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop answering and delete what was stored."""
        self._server.shutdown()
        self._server.server_close()
        for repository in self.world.repositories.values():
            shutil.rmtree(repository.git.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def seed_pull_request(
        self,
        owner: str,
        repo: str,
        number: int,
        *,
        base_files: FileContents,
        head_files: FileContents,
        title: str = "A change",
        body: str = "",
        author: str = "contributor",
        base_ref: str = "main",
        head_ref: str | None = None,
        head_repository: str | None = "same",
        draft: bool = False,
    ) -> PullRequest:
        """Open a pull request whose base and head trees are exactly these files (path -> text, bytes or Symlink).

        `head_repository` is `owner/name` of a fork, None for a deleted one.
        """
        with self.lock:
            repository = self.world.repository(owner, repo)
            base, head = self.world.seed_commits(repository, base_files, head_files, number=number, author=author)
            return self._open(
                owner, repo, number, base, head, title, body, author, base_ref, head_ref, head_repository, draft
            )

    def seed_from_git(
        self,
        owner: str,
        repo: str,
        number: int,
        *,
        source: Path,
        base: str,
        head: str,
        title: str = "A change",
        body: str = "",
        author: str = "contributor",
        base_ref: str = "main",
        head_ref: str | None = None,
        draft: bool = False,
    ) -> PullRequest:
        """Open a pull request between two revisions of a git repository on disk; commit ids stay the same."""
        with self.lock:
            repository = self.world.repository(owner, repo)
            old, new = self.world.fetch_commits(repository, source, base, head)
            return self._open(owner, repo, number, old, new, title, body, author, base_ref, head_ref, "same", draft)

    def seed_from_diff(self, owner: str, repo: str, number: int, diff: str, *, title: str = "A change") -> PullRequest:
        """Open a pull request from a bare diff; the lines that the diff does not show are blank."""
        base_files, head_files = contents_of_diff(diff)
        return self.seed_pull_request(owner, repo, number, base_files=base_files, head_files=head_files, title=title)

    def push(self, owner: str, repo: str, number: int, head_files: FileContents) -> str:
        """Move the head of a pull request to a new commit with exactly these files; return its id."""
        with self.lock:
            repository = self.world.repository(owner, repo)
            pull = repository.pulls[number]
            message = f"push {len(pull.heads)} to #{number}"
            head = repository.git.commit(head_files, message=message, parent=pull.head_sha, author=pull.author.login)
            self.world.move_head(repository, pull, head)
            return head

    def close_pull_request(self, owner: str, repo: str, number: int, *, merged: bool = False) -> None:
        """Close or merge a pull request."""
        pull = self.pull(owner, repo, number)
        pull.state, pull.merged = "closed", merged

    def rename(self, owner: str, repo: str, *, to: str) -> None:
        """Give a repository the full name `to`; calls with the old name are redirected, as GitHub does."""
        with self.lock:
            self.world.rename(self.world.repository(owner, repo), to)

    def set_permission(self, owner: str, repo: str, login: str, permission: str) -> None:
        """Give a collaborator `read`, `triage`, `write`, `maintain` or `admin`."""
        self.world.account(login)
        self.world.repository(owner, repo).permissions[login] = permission

    def pull(self, owner: str, repo: str, number: int) -> PullRequest:
        """Return a seeded pull request."""
        return self.world.repository(owner, repo).pulls[number]

    def reviews(self, owner: str, repo: str, number: int) -> list[Review]:
        """Return every review that stands on a pull request, visible to lists or not."""
        return list(self.pull(owner, repo, number).reviews)

    def fault(self, match: str, **how: Any) -> None:
        """Put a fault in force; see `Fault` for `how`."""
        self.faults.add(Fault(match=match, **how))

    def limit(self, retry_after_seconds: float, **how: Any) -> None:
        """Start a rate limit; see `Faults.start_limit` for `how`."""
        self.faults.start_limit(retry_after_seconds=retry_after_seconds, **how)

    def counts(self) -> Counter[str]:
        """Return how often each endpoint was called, control calls left out."""
        return Counter(call.endpoint for call in list(self.calls))

    def calls_for(self, owner: str, repo: str, number: int) -> list[Call]:
        """Return the calls about one pull request."""
        start = f"/repos/{owner}/{repo}/pulls/{number}"
        return [call for call in list(self.calls) if call.path == start or call.path.startswith(start + "/")]

    def payload(self, owner: str, repo: str, number: int, action: str = "opened") -> Json:
        """Return the webhook payload of a `pull_request` event about a seeded pull request."""
        with self.lock:
            repository = self.world.repository(owner, repo)
            pull = pull_json(repository, repository.pulls[number], self.url)
            return {
                "action": action,
                "number": number,
                "pull_request": pull,
                "repository": repository_json(repository, self.url),
                "sender": pull["user"],
                "installation": {"id": 1, "node_id": "I_1"},
            }

    def deliver(self, url: str, secret: str, event: str, payload: Json, guid: str | None = None) -> int:
        """Send a signed webhook and return the status of the answer."""
        return deliver(url, secret, event, payload, guid)

    def control(self, command: str, asked: Json) -> Answer:
        """Do what `POST /_control/{command}` asks: the handles above, for another process."""
        if command == "record":
            counts, posted = dict(self.counts()), list(self.posted)
            return Answer(200, {"counts": counts, "posted": posted, "too_early": self.faults.too_early})
        if command == "seed_pull_request":
            return Answer(200, {"head_sha": self.seed_pull_request(**asked).head_sha})
        if command == "seed_from_git":
            pull = self.seed_from_git(**{**asked, "source": Path(asked["source"])})
            return Answer(200, {"head_sha": pull.head_sha})
        if command == "seed_from_diff":
            return Answer(200, {"head_sha": self.seed_from_diff(**asked).head_sha})
        if command == "push":
            return Answer(200, {"head_sha": self.push(**asked)})
        if command == "payload":
            return Answer(200, self.payload(**asked))
        if command == "calls":
            return Answer(200, [asdict(call) for call in self.calls_for(**asked)])
        if command == "fault":
            self.faults.add(Fault(**{**asked, "headers": tuple((k, v) for k, v in asked.get("headers", []))}))
        elif command == "limit":
            self.limit(**asked)
        elif command == "clear":
            self.faults.clear()
            self.calls.clear()
        elif command == "latency":
            self.latency_seconds = float(asked["seconds"])
        else:
            return Answer(404, {"message": f"no such control: {command}"})
        return Answer(200, {})

    def _open(
        self,
        owner: str,
        repo: str,
        number: int,
        base: str,
        head: str,
        title: str,
        body: str,
        author: str,
        base_ref: str,
        head_ref: str | None,
        head_repository: str | None,
        draft: bool,
    ) -> PullRequest:
        repository = self.world.repository(owner, repo)
        return self.world.open_pull(
            repository,
            number,
            base_sha=base,
            head_sha=head,
            title=title,
            body=body,
            author=author,
            base_ref=base_ref,
            head_ref=head_ref or f"change-{number}",
            head_repository=repository.full_name if head_repository == "same" else head_repository,
            draft=draft,
        )


def main() -> None:
    """Serve until interrupted; the address is the first line printed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, default=0)
    arguments.add_argument("--latency", type=float, default=0.0, help="seconds per call")
    arguments.add_argument("--read-lag", type=float, default=0.0, help="seconds until lists show a new review")
    options = arguments.parse_args()
    with GitHubDouble(latency_seconds=options.latency, port=options.port, read_lag_seconds=options.read_lag) as github:
        print(github.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        main()
