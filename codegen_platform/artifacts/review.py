"""The review as it was judged, and the review as the forge now shows it."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from codegen_platform.artifacts.coverage import Coverage
from codegen_platform.artifacts.document import Document, Value
from codegen_platform.artifacts.findings import DroppedFinding, Finding, Severity, SuppressedFinding


class Outcome(StrEnum):
    """How a run ended; every run ends in one of these."""

    REVIEWED = "reviewed"  # all of it was read, and there is something to say
    CLEAN = "clean"  # all of it was read, and there is nothing to say
    PARTIAL = "partial"  # some of it could not be read
    REFUSED = "refused"  # nothing of it could be read, or it may not be reviewed; the reason says why
    SUPERSEDED = "superseded"
    FAILED = "failed"


class ModelUsage(Value):
    """What the model calls of one review cost; tokens as billed, `cost_usd` from the dated price table."""

    model: str
    prompt_sha256: str
    calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: float = 0.0
    seconds: float = 0.0


class CodeReview(Document):
    """One review of one head commit. `confirmed` findings = `findings` (to be posted) + `suppressed`.

    Attributes:
        task_id: the task that asked for it, as text.
        degraded: what is missing that should be there (a model's part, the artifact storage) and why; None if nothing is.
        summary: one paragraph, plain text or Markdown from a hostile source until gated.
    """

    schema_name: ClassVar[str] = "code_review/v1"

    task_id: str
    forge: str
    repository: str
    number: int
    base_sha: str
    head_sha: str
    url: str
    outcome: Outcome
    summary: str
    findings: tuple[Finding, ...]
    suppressed: tuple[SuppressedFinding, ...] = ()
    dropped: tuple[DroppedFinding, ...] = ()
    coverage: Coverage
    degraded: str | None = None
    usage: ModelUsage | None = None

    @property
    def cost_usd(self) -> float:
        """Return what the model calls cost; 0 without a model."""
        return self.usage.cost_usd if self.usage else 0.0

    def counts_by_severity(self) -> dict[str, int]:
        """Return the number of findings for each severity, most severe first, zeros included."""
        return {level.value: sum(f.severity is level for f in self.findings) for level in Severity}


class PublishedComment(Value):
    """One inline comment as the forge shows it."""

    fingerprint: str
    path: str
    line: int
    url: str


class PublishedReview(Document):
    """What the forge shows after the publisher posted and read back.

    `confirmed == posted + suppressed + failed` always holds.

    Attributes:
        state: `posted`, `superseded`, `dead`.
        url: address of the review (or the file, in local mode); empty if nothing was posted.
    """

    schema_name: ClassVar[str] = "published_review/v1"

    task_id: str
    effect_id: str
    forge: str
    repository: str
    number: int
    head_sha: str
    outcome: Outcome
    state: str
    url: str
    confirmed: int
    posted: int
    suppressed: int
    failed: int
    comments: tuple[PublishedComment, ...] = ()
    reason: str | None = None
