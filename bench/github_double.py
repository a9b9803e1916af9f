"""The GitHub double as a process that tells at once when a review was posted: `python -m bench.github_double --port N --latency S`."""

from __future__ import annotations

import argparse
import contextlib
import re
import signal
import threading
from typing import Any

from tests.doubles.github import Call, GitHubDouble
from tests.doubles.github_api import Answer

REVIEW = re.compile(r"/repos/([^/]+/[^/]+)/pulls/(\d+)/reviews")


class _Calls(list[Call]):
    """The log of calls, and a bell for those who wait for reviews."""

    def __init__(self) -> None:
        super().__init__()
        self.reviews: list[dict[str, Any]] = []
        self.changed = threading.Condition()

    def append(self, call: Call) -> None:
        """Enter a call; one that posted a review is announced."""
        super().append(call)
        found = REVIEW.fullmatch(call.path)
        if call.method == "POST" and call.status == 200 and found:
            with self.changed:
                self.reviews.append({"repository": found[1], "number": int(found[2]), "at": call.at})
                self.changed.notify_all()

    def reviews_after(self, seen: int, wait_seconds: float) -> list[dict[str, Any]]:
        """Return the reviews after the first `seen`, waiting for one if there are none."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.reviews) > seen, wait_seconds)
            return self.reviews[seen:]


class WatchedGitHub(GitHubDouble):
    """The double, with control commands for a driver that shall cost little: `reviews`, `count`, `end_faults`."""

    def __init__(self, *, latency_seconds: float, port: int) -> None:
        super().__init__(latency_seconds=latency_seconds, port=port)
        self.log = _Calls()
        self.calls = self.log

    def control(self, command: str, asked: dict[str, Any]) -> Answer:
        """Answer one control command."""
        if command == "reviews":
            return Answer(200, self.log.reviews_after(int(asked["seen"]), float(asked["wait_seconds"])))
        if command == "count":
            return Answer(200, dict(self.counts()))
        if command == "end_faults":
            self.faults.clear()
            return Answer(200, {})
        return super().control(command, asked)


def main() -> None:
    """Serve until interrupted; the address is the first line printed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, default=0)
    arguments.add_argument("--latency", type=float, default=0.0, help="seconds per call")
    options = arguments.parse_args()
    with WatchedGitHub(latency_seconds=options.latency, port=options.port) as github:
        print(github.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        main()
