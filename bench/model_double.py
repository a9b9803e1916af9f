"""The model double as a process that tells which change each request was about: `python -m bench.model_double --port N --latency S`."""

from __future__ import annotations

import argparse
import re
from typing import Any

from tests.doubles.anthropic import AnthropicDouble

ABOUT = re.compile(r"bench (\d+) of round (\w+)")


class WatchedModel(AnthropicDouble):
    """The double, whose state lists its requests with the mark that the title of the change carries into the prompt."""

    def summary(self) -> dict[str, Any]:
        """Return the counters, and `asked`: change, round, monotonic seconds of every request."""
        return super().summary() | {"asked": [about(request.prompt) | {"at": request.at} for request in self.requests]}


def about(prompt: str) -> dict[str, Any]:
    """Return the change and the round that a prompt is about; neither for one that is not of the bench's work."""
    found = ABOUT.search(prompt)
    return {"change": int(found[1]), "round": found[2]} if found else {"change": None, "round": None}


def main() -> None:
    """Serve until signalled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds from request to the end of the answer")
    given = parser.parse_args()
    WatchedModel(latency_seconds=given.latency, port=given.port).serve_until_signalled()


if __name__ == "__main__":
    main()
