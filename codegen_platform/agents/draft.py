"""What a model said about a change, before it is held against the change."""

from __future__ import annotations

from typing import ClassVar

from codegen_platform.agents.claims import Claim
from codegen_platform.artifacts import DroppedFinding, ModelUsage, SkippedFile
from codegen_platform.artifacts.document import Document, Value


class ReadFile(Value):
    """A file that the model read, and how many of its changed lines; `is_whole` if all of them."""

    path: str
    lines: int
    is_whole: bool


class DraftReview(Document):
    """The model's part of a review of one head commit.

    Attributes:
        model: id of the model that was asked, None if none is configured.
        claims: what it says, unproved. invalid: items of its answers that are not claims at all.
        read: files that it read; skipped: files that it did not read in full, and why. Both are empty if it answered nothing.
        degraded: why the model's part is missing or incomplete although a model is configured.
        notes: sentences for the summary (an unknown price, a configuration that was not understood).
    """

    schema_name: ClassVar[str] = "draft_review/v1"

    task_id: str
    repository: str
    number: int
    head_sha: str
    model: str | None = None
    claims: tuple[Claim, ...] = ()
    invalid: tuple[DroppedFinding, ...] = ()
    read: tuple[ReadFile, ...] = ()
    skipped: tuple[SkippedFile, ...] = ()
    degraded: str | None = None
    notes: tuple[str, ...] = ()
    usage: ModelUsage | None = None
