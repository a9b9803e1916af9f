"""A review as it will be written, gated: nothing in it is hostile any more, and it adds up."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar, Literal, Self

from codegen_platform.artifacts import Outcome
from codegen_platform.artifacts.document import Document, Value

BODY_MAX = 65_000
"""Characters; GitHub refuses 65,536, and the marker needs room."""

UNPLACED_HEADING = "### Could not be placed on a line"


class PostComment(Value):
    """One inline comment.

    Attributes:
        line, start_line: in the head version, both within one hunk; `start_line` is None for a single line.
        body: inert Markdown with our own badge, suggestion block and trace line.
        instead: one inert line for the review's body, should the forge refuse the comment.
    """

    path: str
    line: int
    side: Literal["RIGHT"] = "RIGHT"
    start_line: int | None = None
    body: str
    fingerprint: str
    instead: str


class ReviewPost(Document):
    """One review of one head commit, ready to be sent. It has no event: every review is a comment, none approves.

    `confirmed == len(comments) + len(in_body) + suppressed + len(omitted)`.

    Attributes:
        body: inert Markdown.
        in_body: fingerprints of findings that stand in the body for want of room among the inline comments.
        omitted: fingerprints of findings for which the body had no room either; they count as failed.
        refused: fingerprints of findings whose comments the forge refused; they stand in the body and count as failed.
        note: whether a local repository shall also carry the review as a git note.
        masked: how many things that looked like credentials were masked.
    """

    schema_name: ClassVar[str] = "review_post/v1"

    task_id: str
    forge: str
    repository: str
    number: int
    commit_id: str
    outcome: Outcome
    body: str
    comments: tuple[PostComment, ...] = ()
    in_body: tuple[str, ...] = ()
    omitted: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    suppressed: int = 0
    note: bool = False
    masked: int = 0

    @property
    def confirmed(self) -> int:
        """Return the number of findings that proved themselves, posted or not."""
        return len(self.comments) + len(self.in_body) + len(self.omitted) + len(self.refused) + self.suppressed

    @property
    def texts(self) -> tuple[str, ...]:
        """Return everything that is sent as text."""
        return (self.body, *(comment.body for comment in self.comments))

    def without(self, refused: Collection[int]) -> Self:
        """Return the post with the comments at these places moved into its body, one line each, as far as there is room."""
        moved = [comment for index, comment in enumerate(self.comments) if index in refused]
        kept = tuple(comment for index, comment in enumerate(self.comments) if index not in refused)
        body = self.body + f"\n\n{UNPLACED_HEADING}\n"
        for comment in moved:
            if len(body) + len(comment.instead) < BODY_MAX:
                body += f"\n{comment.instead}"
        fingerprints = (*self.refused, *(comment.fingerprint for comment in moved))
        return self.model_copy(update={"comments": kept, "body": body, "refused": fingerprints})
