"""Checks a finished review once more against the change, before anything of it may be published.

The reviewer proves each finding while it makes the review; this holds for the document that left it, however that came about: another
version of the code, an earlier run, a file in a bucket.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from codegen_platform.agents.suggestions import applicable, fits
from codegen_platform.agents.untrusted import hide_shown, one_line
from codegen_platform.artifacts import Check, CodeReview, Finding, Outcome, PullRequestSnapshot, Validation
from codegen_platform.artifacts.document import UnreadableDocument
from codegen_platform.changes.anchors import standing_at
from codegen_platform.changes.diffs import UnreadableDiff, commentable_lines
from codegen_platform.errors import CodegenError

MAX_DOCUMENT_BYTES = 32_000_000
MAX_FINDINGS = 1_000
MAX_FINDING_CHARACTERS = 40_000  # title, body and suggestion together; far more than the gate lets through
NAMED = 3  # places that a failed check names
SPOKEN = frozenset({Outcome.REVIEWED, Outcome.CLEAN, Outcome.PARTIAL, Outcome.REFUSED})
MASKED = "••••••"  # what static analysis writes instead of a secret
NUMBER = re.compile(r" \(\d+\)\Z")
QUOTED_CHARACTERS = 400  # of one line, in quotes of static analysis


class InvalidOutput(CodegenError):
    """What an agent produced failed its checks; it is not published."""

    code = "invalid_output"

    def __init__(self, failed: Sequence[str]) -> None:
        super().__init__(f"nothing was published: these checks failed: {', '.join(failed)}")
        self.failed = tuple(failed)


def validate(review: CodeReview, snapshot: PullRequestSnapshot, *, head_sha: str | None) -> Validation:
    """Return the report on a review of this change.

    Args:
        head_sha: the commit that the task is for; None if its run was to read the present one.
    """
    return Validation(
        checks=(
            _document(review),
            _change(review, snapshot, head_sha),
            _quotes(review, snapshot),
            _anchors(review, snapshot),
            _suggestions(review, snapshot),
            _counts(review, snapshot),
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


def _quotes(review: CodeReview, snapshot: PullRequestSnapshot) -> Check:
    """Every finding's quote stands at its lines of the head file."""
    files = {file.path: file for file in snapshot.files}

    def stands(finding: Finding) -> bool:
        file = files.get(finding.path)
        places = standing_at(file, finding.line, finding.end_line) if file else ()
        return any(_is_quoted(finding, lines) for lines in places)

    return _of_all("quotes", _confirmed(review), stands, "quotes stand at their lines")


def _anchors(review: CodeReview, snapshot: PullRequestSnapshot) -> Check:
    """Every finding lies on lines of one hunk: a forge refuses the whole review for one that does not."""
    files = {file.path: file for file in snapshot.files}

    def lies(finding: Finding) -> bool:
        file = files.get(finding.path)
        try:
            lines = commentable_lines(file) if file else {}
        except UnreadableDiff:
            return False
        # A finding of a million lines must not be counted line by line.
        if not 0 <= finding.end_line - finding.line < len(lines):
            return False
        hunks = {lines.get(number) for number in range(finding.line, finding.end_line + 1)}
        return len(hunks) == 1 and None not in hunks

    return _of_all("anchors", _confirmed(review), lies, "findings lie within one hunk")


def _suggestions(review: CodeReview, snapshot: PullRequestSnapshot) -> Check:
    """Every suggestion can be applied to its lines, and leaves Python that parsed parsing."""
    files = {file.path: file for file in snapshot.files}

    def applies(finding: Finding) -> bool:
        file, text = files.get(finding.path), finding.suggestion
        if file is None or text is None:
            return False
        if not _is_claimed(finding):
            return fits(text, file, line=finding.line, end_line=finding.end_line)
        # The last line end is taken off, as that of a text; the suggestion is lines without it.
        return applicable(f"{text}\n", file, line=finding.line, end_line=finding.end_line) == text

    proposed = [finding for finding in _confirmed(review) if finding.suggestion is not None]
    return _of_all("suggestions", proposed, applies, "suggestions apply")


def _counts(review: CodeReview, snapshot: PullRequestSnapshot) -> Check:
    """Its numbers add up, and its outcome is one that they allow."""
    coverage = review.coverage
    found = len(review.findings) + len(review.suppressed)
    listed = {file.path for file in snapshot.files}
    holds = {
        "files": coverage.files_reviewed + len(coverage.skipped) == coverage.files_changed,
        "files of the change": coverage.files_changed == max(snapshot.files_total, len(listed)),
        "lines": 0 <= coverage.lines_reviewed <= coverage.lines_changed,
        "outcome": review.outcome in SPOKEN and not (found and review.outcome in {Outcome.CLEAN, Outcome.REFUSED}),
    }
    wrong = [name for name, is_so in holds.items() if not is_so]
    detail = (
        f"{len(review.findings)} findings, {len(review.suppressed)} suppressed, {len(review.dropped)} dropped;"
        f" {coverage.files_reviewed} of {coverage.files_changed} files"
    )
    return Check(name="counts", passed=not wrong, detail=f"{detail}; wrong: {', '.join(wrong)}" if wrong else detail)


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


def _is_claimed(finding: Finding) -> bool:
    return finding.source.startswith("model:")


def _is_quoted(finding: Finding, lines: Iterable[str]) -> bool:
    """Return whether the quote is these lines; static analysis cuts long ones, shows what hides, masks secrets and numbers equal ones."""
    if _is_claimed(finding):
        return finding.quote == "\n".join(lines)
    stood = hide_shown("\n".join(line[:QUOTED_CHARACTERS] for line in lines))
    quote = hide_shown(finding.quote)
    return any(_agrees(said.split(MASKED), stood) for said in {quote, NUMBER.sub("", quote)})


def _agrees(shown: Sequence[str], stood: str) -> bool:
    """Return whether `stood` is the parts that are `shown` with something masked between them."""
    first, last, at = shown[0], shown[-1], len(shown[0])
    if len(shown) == 1:
        return first == stood
    for part in shown[1:-1]:
        found = stood.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return stood.startswith(first) and stood.endswith(last) and len(stood) - len(last) >= at
