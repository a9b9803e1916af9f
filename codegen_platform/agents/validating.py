"""Checks a finished review once more against the change, before anything of it may be published.

The reviewer proves each finding while it makes the review; this holds for the document that left it, however that came about: another
version of the code, an earlier run, a file in a bucket.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from codegen_platform.agents.coverage import doubt_about, unlisted
from codegen_platform.agents.proofs import is_claimed, lies_in_one_hunk, quote_stands, suggestion_applies
from codegen_platform.agents.untrusted import one_line
from codegen_platform.artifacts import ChangedFile, Check, CodeReview, Finding, Outcome, PullRequestSnapshot, Validation
from codegen_platform.artifacts.document import UnreadableDocument
from codegen_platform.changes.languages import ANALYSED, PROSE
from codegen_platform.changes.readability import ambiguous_paths, lines_changed, reason_without_text
from codegen_platform.errors import CodegenError

MAX_DOCUMENT_BYTES = 32_000_000
MAX_FINDINGS = 1_000
MAX_FINDING_CHARACTERS = 40_000  # title, body and suggestion together; far more than the gate lets through
NAMED = 3  # places that a failed check names
SPOKEN = frozenset({Outcome.REVIEWED, Outcome.CLEAN, Outcome.PARTIAL, Outcome.REFUSED})


class InvalidOutput(CodegenError):
    """What an agent produced failed its checks; it is not published."""

    code = "invalid_output"

    def __init__(self, failed: Sequence[str]) -> None:
        super().__init__(f"nothing was published: these checks failed: {', '.join(failed)}")
        self.failed = tuple(failed)


def validate(
    review: CodeReview,
    snapshot: PullRequestSnapshot,
    *,
    head_sha: str | None,
    shown: PullRequestSnapshot | None = None,
) -> Validation:
    """Return the report on a review of this change.

    Args:
        shown: the change as a model is shown it, without its secrets: what claims quote. The change as it is if nothing is left out.
        head_sha: the commit that the task is for; None if its run was to read the present one.
    """
    return Validation(
        checks=(
            _document(review),
            _change(review, snapshot, head_sha),
            _quotes(review, snapshot, shown or snapshot),
            _anchors(review, snapshot),
            _suggestions(review, snapshot),
            _counts(review, snapshot),
            _coverage(review, snapshot),
            _sizes(review),
        )
    )


def _document(review: CodeReview) -> Check:
    """The document can be written and read again, and is then the same."""
    data = review.to_bytes()
    try:
        same = CodeReview.from_bytes(data).to_bytes() == data
    except (UnreadableDocument, ValueError):
        same = False
    told = "reads back as it was written" if same else "does not read back as it was written"
    return Check(name="document", passed=same, detail=f"{review.schema_name} {told}")


def _change(review: CodeReview, snapshot: PullRequestSnapshot, head_sha: str | None) -> Check:
    """It is about the change that was asked for, at the commit that was asked for."""
    commits = {review.head_sha, snapshot.head_sha, head_sha or snapshot.head_sha}
    is_its = (review.forge, review.repository, review.number) == (snapshot.forge, snapshot.repository, snapshot.number)
    detail = f"commit {review.head_sha[:12]}" if len(commits) == 1 else f"{len(commits)} different head commits"
    return Check(name="head_commit", passed=len(commits) == 1 and is_its, detail=detail if is_its else "another change")


def _quotes(review: CodeReview, snapshot: PullRequestSnapshot, shown: PullRequestSnapshot) -> Check:
    """Every finding's quote stands at its lines of the head file, that of a claim as the model saw them."""
    static, claimed = _of_its_file(snapshot, quote_stands), _of_its_file(shown, quote_stands)

    def stands(finding: Finding) -> bool:
        return claimed(finding) if is_claimed(finding) else static(finding)

    return _of_all("quotes", _confirmed(review), stands, "quotes stand at their lines")


def _anchors(review: CodeReview, snapshot: PullRequestSnapshot) -> Check:
    """Every finding lies on lines of one hunk."""
    return _of_all(
        "anchors", _confirmed(review), _of_its_file(snapshot, lies_in_one_hunk), "findings lie within one hunk"
    )


def _suggestions(review: CodeReview, snapshot: PullRequestSnapshot) -> Check:
    """Every suggestion can be applied to its lines, and leaves Python that parsed parsing."""
    proposed = [finding for finding in _confirmed(review) if finding.suggestion is not None]
    return _of_all("suggestions", proposed, _of_its_file(snapshot, suggestion_applies), "suggestions apply")


def _of_its_file(
    snapshot: PullRequestSnapshot, holds: Callable[[Finding, ChangedFile], bool]
) -> Callable[[Finding], bool]:
    files = {file.path: file for file in snapshot.files}
    return lambda finding: finding.path in files and holds(finding, files[finding.path])


def _counts(review: CodeReview, snapshot: PullRequestSnapshot) -> Check:
    """Its numbers add up, and its outcome is one that they allow."""
    coverage = review.coverage
    found = len(review.findings) + len(review.suppressed)
    holds = {
        "files": coverage.files_reviewed + len(coverage.skipped) == coverage.files_changed,
        "files of the change": coverage.files_changed == len(snapshot.files) + len(unlisted(snapshot)),
        "lines": 0 <= coverage.lines_reviewed <= coverage.lines_changed,
        "outcome": review.outcome in SPOKEN and not (found and review.outcome in {Outcome.CLEAN, Outcome.REFUSED}),
    }
    detail = (
        f"{len(review.findings)} findings, {len(review.suppressed)} suppressed, {len(review.dropped)} dropped;"
        f" {coverage.files_reviewed} of {coverage.files_changed} files"
    )
    return _of_facts("counts", holds, detail)


def _coverage(review: CodeReview, snapshot: PullRequestSnapshot) -> Check:
    """Coverage is honest: unreadable files do not count as read, and a partial review does not claim to be complete."""
    coverage = review.coverage
    skipped = Counter(skip.path for skip in coverage.skipped)
    read = [file for file in snapshot.files if not skipped[file.path]]
    left_out = [file for file in snapshot.files if skipped[file.path]]
    lines = sum(map(lines_changed, read)) + sum(skip.lines_read for skip in coverage.skipped)
    holds = {
        "files without text": not any(map(reason_without_text, read)),
        "files of one name": not ambiguous_paths(read),
        "files without an analyser": review.usage is not None or all(map(_has_analyser, read)),
        "files skipped": len(left_out) + len(unlisted(snapshot)) == len(coverage.skipped),
        "lines": coverage.lines_reviewed == lines,
        "doubt": coverage.doubt == doubt_about(snapshot),
        "outcome": coverage.is_complete or review.outcome not in {Outcome.CLEAN, Outcome.REVIEWED},
    }
    unread = len(coverage.unread)
    return _of_facts("coverage", holds, f"{len(read)} read, {unread} unread, {len(coverage.skipped) - unread} left out")


def _has_analyser(file: ChangedFile) -> bool:
    return file.language in ANALYSED | PROSE


def _of_facts(name: str, holds: Mapping[str, bool], detail: str) -> Check:
    wrong = [fact for fact, is_so in holds.items() if not is_so]
    return Check(name=name, passed=not wrong, detail=f"{detail}; wrong: {', '.join(wrong)}" if wrong else detail)


def _sizes(review: CodeReview) -> Check:
    """Nothing of it is larger than a review can be."""
    size, longest = len(review.to_bytes()), max(map(_characters, review.findings), default=0)
    passed = size <= MAX_DOCUMENT_BYTES and longest <= MAX_FINDING_CHARACTERS and len(review.findings) <= MAX_FINDINGS
    return Check(
        name="sizes",
        passed=passed,
        detail=f"{size} of {MAX_DOCUMENT_BYTES} bytes, {len(review.findings)} of {MAX_FINDINGS} findings, "
        f"the longest of {longest} of {MAX_FINDING_CHARACTERS} characters",
    )


def _of_all(name: str, findings: Sequence[Finding], holds: Callable[[Finding], bool], what: str) -> Check:
    wrong = [finding for finding in findings if not holds(finding)]
    named = ", ".join(one_line(f"{finding.path}:{finding.line}", 120) for finding in wrong[:NAMED])
    detail = f"{len(findings) - len(wrong)} of {len(findings)} {what}"
    return Check(name=name, passed=not wrong, detail=f"{detail}; not {named}" if wrong else detail)


def _confirmed(review: CodeReview) -> list[Finding]:
    return [*review.findings, *(item.finding for item in review.suppressed)]


def _characters(finding: Finding) -> int:
    return len(finding.title) + len(finding.body) + len(finding.suggestion or "")
