"""GitHub and the model as processes of their own, whose CPU time is nobody's, and the handles by which the bench uses them."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.background import free_ports, server
from bench.work import Change

GITHUB_SECONDS = 0.05
MODEL_SECONDS = 2.0
CONTROL_TIMEOUT_SECONDS = 120.0
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, kw_only=True, slots=True)
class Pull:
    """One pull request of the work. Each change is in a repository of an organisation of its own, as if 32 of them had installed us.

    GitHub asks for a second between two writes of one installation, and the publisher keeps to it: one organisation would measure that.
    """

    change: int
    round: str
    number: int
    size: str
    body: bytes

    @property
    def repository(self) -> str:
        """Return the full name of its repository."""
        return repository_of(self.change)


@dataclass(frozen=True, kw_only=True, slots=True)
class PostedReview:
    """A review that stands on GitHub since `at`, in monotonic seconds of this machine."""

    repository: str
    number: int
    at: float


def repository_of(change: int) -> str:
    """Return the full name of the repository of a change, by its place in the work."""
    return f"bench-{change:02}/code"


def title_of(change: int, round_name: str) -> str:
    """Return a title by which requests to the model are told apart."""
    return f"bench {change} of round {round_name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class GitHub:
    """The running GitHub double."""

    url: str
    releases: Path

    def open_pulls(self, changes: list[Change], *, round_name: str, number: int) -> list[Pull]:
        """Open a pull request per change and return them, each with the body that announces it."""
        return [self._open(place, change, round_name, number) for place, change in enumerate(changes)]

    def reviews(self, seen: int, wait_seconds: float) -> list[PostedReview]:
        """Return the reviews after the first `seen` of this process's life, waiting for one if there are none."""
        return [PostedReview(**found) for found in self._control("reviews", seen=seen, wait_seconds=wait_seconds)]

    def calls_by_endpoint(self) -> dict[str, int]:
        """Return how many calls came so far, refused ones included, by endpoint."""
        counts: dict[str, int] = self._control("count")
        return counts

    def break_down(self) -> None:
        """Answer every call with 502 from now on."""
        self._control("fault", match="*", status=502, times=None)

    def recover(self) -> None:
        """End what `break_down` began."""
        self._control("end_faults")

    def _open(self, place: int, change: Change, round_name: str, number: int) -> Pull:
        owner, repo = repository_of(place).split("/")
        name = {"owner": owner, "repo": repo, "number": number}
        self._control(
            "seed_from_git",
            **name,
            source=str(self.releases),
            base=change.base,
            head=change.head,
            title=title_of(place, round_name),
            body=f"{change.package}: what changed between {change.base} and {change.head}.",
        )
        payload = self._control("payload", **name)
        return Pull(
            change=place,
            round=round_name,
            number=number,
            size=change.size,
            body=json.dumps(payload, separators=(",", ":")).encode(),
        )

    def _control(self, command: str, **asked: Any) -> Any:
        return _json(f"{self.url}/_control/{command}", asked)


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelCounts:
    """What came in at the model since it was started or reset; `asked` is (round, change, monotonic seconds) of each request."""

    requests: int
    refused: int
    prompt_tokens: int
    cache_read_tokens: int
    asked: tuple[tuple[str | None, int | None, float], ...]

    def first_request(self, pull: Pull) -> float | None:
        """Return when the model was first asked about a pull request."""
        return min(
            (at for round_name, change, at in self.asked if (round_name, change) == (pull.round, pull.change)),
            default=None,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """The running model double."""

    url: str

    def counts(self) -> ModelCounts:
        """Return what came in."""
        state = _json(f"{self.url}/_double/state")
        return ModelCounts(
            requests=state["requests"],
            refused=len(state["refused"]),
            prompt_tokens=state["prompt_tokens"],
            cache_read_tokens=state["cache_read_tokens"],
            asked=tuple((one["round"], one["change"], one["at"]) for one in state["asked"]),
        )

    def reset(self) -> None:
        """Forget what came in, what is cached, and every rule: an outage ends."""
        _json(f"{self.url}/_double", method="DELETE")

    def break_down(self) -> None:
        """Answer every request with 529 from now on."""
        _json(f"{self.url}/_double/rules", {"mode": "overloaded", "times": None})


@contextmanager
def doubles(folder: Path, releases: Path) -> Iterator[tuple[GitHub, Model]]:
    """Run both doubles until the end of the block.

    Raises:
        NotStarted: one of them did not come up.
    """
    ports = free_ports(2)
    github_log, model_log = folder / "github-double.log", folder / "model-double.log"
    with (
        server("the GitHub double", "bench.github_double", ports[0], "--latency", str(GITHUB_SECONDS), log=github_log),
        server("the model double", "bench.model_double", ports[1], "--latency", str(MODEL_SECONDS), log=model_log),
    ):
        github, model = (f"http://127.0.0.1:{port}" for port in ports)
        yield GitHub(url=github, releases=releases), Model(url=model)


def _json(url: str, asked: object = None, *, method: str | None = None) -> Any:
    data = json.dumps(asked).encode() if asked is not None else None
    request = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": "application/json"})
    with _direct.open(request, timeout=CONTROL_TIMEOUT_SECONDS) as answer:
        return json.load(answer)
