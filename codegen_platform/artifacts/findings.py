"""What reviewers find: findings that carry their proof, and what became of those that were not kept."""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum
from typing import ClassVar

from codegen_platform.artifacts.coverage import SkippedFile
from codegen_platform.artifacts.document import Document, Value


class Severity(StrEnum):
    """How bad it is if the finding is true; compare with `at_least`."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """Return 0 for critical up to 4 for info."""
        return list(Severity).index(self)

    def at_least(self, floor: Severity) -> bool:
        """Return whether this is as severe as `floor` or more."""
        return self.rank <= floor.rank


class Category(StrEnum):
    """What kind of problem it is."""

    BUG = "bug"
    SECURITY = "security"
    SECRET = "secret"  # noqa: S105 - a category's name
    PERFORMANCE = "performance"
    CONCURRENCY = "concurrency"
    MAINTAINABILITY = "maintainability"
    TEST = "test"


class Finding(Value):
    """One problem, anchored in the head version of one file.

    Attributes:
        line, end_line: 1-based, inclusive, head side, within one hunk of the diff.
        title: one line. body: why it is a problem and what to do, Markdown from a hostile source until the publisher's gate cleaned it.
        quote: the head text of the lines, verbatim: the finding's proof.
        source: who says so: `ruff:B006`, `bandit:B602`, `rules:go-...`, `secrets:...`, `model:<model id>`.
        suggestion: replacement for exactly the lines `line..end_line`, or None.
    """

    path: str
    line: int
    end_line: int
    severity: Severity
    category: Category
    title: str
    body: str
    quote: str
    source: str
    suggestion: str | None = None

    @property
    def fingerprint(self) -> str:
        """Return 16 hex digits that survive moved lines and changed white space: path, source and squeezed quote."""
        squeezed = re.sub(r"\s+", " ", self.quote).strip()
        said = self.title if self.source.startswith("model:") else self.source
        return hashlib.sha256("\0".join((self.path, said, squeezed)).encode("utf-8", "replace")).hexdigest()[:16]


class SuppressedFinding(Value):
    """A confirmed finding that is not posted inline. Reasons: `below_severity_floor`, `over_comment_limit`, `duplicate`, `muted`."""

    finding: Finding
    reason: str


class DroppedFinding(Value):
    """A claim that did not prove itself. Reasons: `quote_not_found`, `outside_diff`, `unknown_path`, `ambiguous_quote`, `invalid`."""

    path: str
    title: str
    reason: str


class ToolReport(Value):
    """What one analyser did: how many files it read, what it found within the change, and its error if it failed."""

    name: str
    version: str
    files: int
    findings: int
    seconds: float
    error: str | None = None


class StaticFindings(Document):
    """Findings of static analysis (no code is executed) in the lines that the change touches.

    Attributes:
        skipped: every file that some analyser of its language did not get, or failed on.
    """

    schema_name: ClassVar[str] = "static_findings/v1"

    repository: str
    number: int
    head_sha: str
    findings: tuple[Finding, ...]
    tools: tuple[ToolReport, ...]
    skipped: tuple[SkippedFile, ...] = ()
