"""No odd line, name or finding fails a review: random odd changes go the whole way, offline and with a model that says odd things.

`CODEGEN_TEST_ODD_CHANGES` says how many (12 by default; 150 take about a minute and are meant for the night). A failure names its seed.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest

from codegen_platform.agents import reviewer
from codegen_platform.agents.backend import ModelBackend, ModelRequest, ModelResponse, TokenUsage
from codegen_platform.agents.draft import DraftReview
from codegen_platform.agents.validating import validate
from codegen_platform.analysis import AnalysisOptions, analyse
from codegen_platform.artifacts import CodeReview, Outcome, PullRequestSnapshot, Severity, StaticFindings
from codegen_platform.changes.configuration import parse_instructions
from codegen_platform.changes.readability import reason_without_text
from codegen_platform.cli.targets import local_target
from codegen_platform.forge import LocalForge, LocalPull
from codegen_platform.publishing.gate import compose
from tests.integration.odd_changes import odd_repository

SEEDS = range(int(os.environ.get("CODEGEN_TEST_ODD_CHANGES", "12")))
NAME = "_local/odd-00000000"


class OddModel:
    """A model that quotes lines of the change, some of them wrongly, and says odd things about them."""

    name = "odd"
    model = "claude-sonnet-5-5"

    def __init__(self, change: PullRequestSnapshot, seed: int) -> None:
        self.chance = random.Random(seed)
        self.files = change.files
        self.said: dict[str, int] = {}

    def cancelled(self) -> bool:
        return False

    def complete(self, request: ModelRequest) -> ModelResponse:
        items: list[Any] = [self._claim() for _ in range(self.chance.randint(0, 6))]
        # An answer of which no item can be used is asked for again: the last one counts.
        self.said[request.turns[0].text] = len(items)
        payload = request.output.model_validate({"findings": items}).model_dump()
        return ModelResponse(payload=payload, text="{}", stop_reason="end_turn", usage=TokenUsage(input_tokens=9))

    def _claim(self) -> dict[str, Any]:
        file = self.chance.choice(self.files)
        lines = [*(file.head_text or "").split("\n"), *(line[1:] for line in (file.patch or "").split("\n"))]
        at = self.chance.randrange(len(lines))
        return {
            "path": self.chance.choice([file.path, file.path, file.path, "b/" + file.path, "../x", "\u202e"]),
            "line": self.chance.choice([at + 1, 0, -1, 10**9]),
            "quote": "\n".join(lines[at : at + self.chance.randint(1, 4)]),
            "title": self.chance.choice(["A defect", "t" * 5_000, "\x1b[31m", "a\u2028b", "\ud800"]),
            "body": self.chance.choice(["It breaks.", "```suggestion\nx\n```", "@octo /review", "b" * 50_000]),
            "category": "bug",
            "severity": self.chance.choice(list(Severity)).value,
            "suggestion": self.chance.choice(["", "", "x = 1", "x = (", lines[at], "\r", "s" * 9_000]),
        }


@pytest.mark.parametrize("seed", SEEDS)
def test_an_odd_change_is_reviewed_and_its_review_holds(seed: int, tmp_path: Path) -> None:
    odd_repository(tmp_path / "odd.git", seed)
    change = PullRequestSnapshot.from_bytes(snapshot(tmp_path / "odd.git").to_bytes())
    found = StaticFindings.from_bytes(analyse(change, options=AnalysisOptions()).to_bytes())
    model = OddModel(change, seed)
    for backend in (None, model):
        review = CodeReview.from_bytes(reviewed(change, found, backend).to_bytes())
        validation = validate(review, change, head_sha=change.head_sha)
        assert validation.passed, (seed, [check for check in validation.checks if not check.passed])
        confirmed = len(review.findings) + len(review.suppressed)
        said = len(found.findings) + (sum(model.said.values()) if backend else 0)
        assert confirmed + len(review.dropped) == said, seed
        post = compose(review)
        assert len(post.comments) + len(post.in_body) + len(post.omitted) + post.suppressed == confirmed, seed
        assert_honest(review, change)


def snapshot(folder: Path) -> PullRequestSnapshot:
    target = local_target(folder, base="base", head="topic")
    pull = LocalPull(
        repository=NAME,
        number=1,
        base_sha=target.base_sha,
        head_sha=target.head_sha,
        base_ref="base",
        head_ref="topic",
        title=target.title,
    )
    return LocalForge(target.folder, pull).snapshot(NAME, 1)


def reviewed(change: PullRequestSnapshot, found: StaticFindings, backend: ModelBackend | None) -> CodeReview:
    wishes = parse_instructions(change.instructions)
    draft = reviewer.review(change, found, backend=backend, instructions=wishes, task_id="t")
    draft = DraftReview.from_bytes(draft.to_bytes())
    return reviewer.verify(draft, change, found, instructions=wishes)


def assert_honest(review: CodeReview, change: PullRequestSnapshot) -> None:
    """Every file is read or named, and what has no text is never read."""
    skipped = {skip.path for skip in review.coverage.skipped}
    assert {file.path for file in change.files if reason_without_text(file)} <= skipped
    assert review.coverage.files_changed == len(change.files)
    if review.coverage.unread:
        assert review.outcome in (Outcome.PARTIAL, Outcome.REFUSED)
