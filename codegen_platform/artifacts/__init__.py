"""The typed, versioned documents that agents hand to each other and that are stored as JSON in S3 or a folder."""

from codegen_platform.artifacts.change import ChangedFile, FileStatus, PullRequestSnapshot
from codegen_platform.artifacts.coverage import Coverage, SkippedFile, SkipReason
from codegen_platform.artifacts.document import Document, StoredElsewhere, UnreadableDocument
from codegen_platform.artifacts.findings import (
    Category,
    DroppedFinding,
    Finding,
    Severity,
    StaticFindings,
    SuppressedFinding,
    ToolReport,
)
from codegen_platform.artifacts.review import (
    CodeReview,
    ModelUsage,
    Outcome,
    PublishedComment,
    PublishedReview,
)
from codegen_platform.artifacts.validation import Check, Validation

__all__ = [
    "Category",
    "ChangedFile",
    "Check",
    "CodeReview",
    "Coverage",
    "Document",
    "DroppedFinding",
    "FileStatus",
    "Finding",
    "ModelUsage",
    "Outcome",
    "PublishedComment",
    "PublishedReview",
    "PullRequestSnapshot",
    "Severity",
    "SkipReason",
    "SkippedFile",
    "StaticFindings",
    "StoredElsewhere",
    "SuppressedFinding",
    "ToolReport",
    "UnreadableDocument",
    "Validation",
]
