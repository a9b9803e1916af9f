"""Holds what is said about a change against the change: a finding stands in the diff with its quote, or it is dropped with a reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from codegen_platform.agents.claims import Claim, category_of, severity_of
from codegen_platform.agents.draft import DraftReview
from codegen_platform.agents.proofs import lies_in_one_hunk, quote_stands, suggestion_applies
from codegen_platform.agents.suggestions import applicable
from codegen_platform.agents.untrusted import hide_shown, one_line
from codegen_platform.artifacts import ChangedFile, DroppedFinding, Finding, PullRequestSnapshot, StaticFindings
from codegen_platform.changes.anchors import Anchor, Unanchored, locate
from codegen_platform.changes.diffs import UnreadableDiff, commentable_lines

MAX_PATH = 500
MAX_QUOTE = 20_000
"""Characters of a quote: 200 lines of ordinary code; a line of a megabyte is no proof that a review has room for."""
MAX_TITLE, MAX_BODY, MAX_SUGGESTION = 300, 6_000, 6_000
"""Of a static finding: a rule's message may repeat a name as long as a line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """What stands and what does not: claims in, `claimed` + part of `dropped` out; static findings in, `static` + the rest out."""

    claimed: tuple[Finding, ...]
    static: tuple[Finding, ...]
    dropped: tuple[DroppedFinding, ...]


def prove(
    draft: DraftReview,
    snapshot: PullRequestSnapshot,
    static: StaticFindings,
    *,
    shown: PullRequestSnapshot | None = None,
) -> Proof:
    """Return which claims and static findings stand in the diff, in their order.

    Args:
        shown: the change as the model saw it, without its secrets: what claims quote. The change as it is if nothing was left out.
    """
    files = {file.path: file for file in snapshot.files}
    seen = {file.path: file for file in (shown or snapshot).files}
    claimed: list[Finding] = []
    dropped: list[DroppedFinding] = []
    for claim in draft.claims:
        _sort(_held(_proved(claim, seen, source=f"model:{draft.model}"), files, seen), claimed, dropped)
    kept: list[Finding] = []
    for finding in static.findings:
        _sort(_held(_within_diff(finding, files.get(finding.path)), files, files), kept, dropped)
    return Proof(claimed=tuple(claimed), static=tuple(kept), dropped=tuple(dropped))


def _sort(result: Finding | DroppedFinding, kept: list[Finding], dropped: list[DroppedFinding]) -> None:
    if isinstance(result, Finding):
        kept.append(result)
    else:
        dropped.append(result)


def _held(
    result: Finding | DroppedFinding, files: dict[str, ChangedFile], quoted: dict[str, ChangedFile]
) -> Finding | DroppedFinding:
    """Return the finding if it has every proof that validation asks for; a suggestion that has none is taken off.

    `quoted`: the files that its quote is from. One finding that lacks a proof would otherwise fail the whole review, again at every
    attempt.
    """
    if isinstance(result, DroppedFinding):
        return result
    file = files[result.path]
    if not lies_in_one_hunk(result, file):
        return _dropped(result, "outside_diff")
    if len(result.quote) > MAX_QUOTE:
        return _dropped(result, "invalid")
    if not quote_stands(result, quoted[result.path]):
        return _dropped(result, "quote_not_found")
    return with_proved_suggestion(_of_bearable_size(result), file)


def with_proved_suggestion(finding: Finding, file: ChangedFile) -> Finding:
    """Return the finding, without its suggestion if that cannot be applied."""
    if finding.suggestion is None or suggestion_applies(finding, file):
        return finding
    return finding.model_copy(update={"suggestion": None})


def _of_bearable_size(finding: Finding) -> Finding:
    """Return the finding with a title, body and suggestion that a review has room for."""
    long = finding.suggestion is not None and len(finding.suggestion) > MAX_SUGGESTION
    if not long and len(finding.title) <= MAX_TITLE and len(finding.body) <= MAX_BODY:
        return finding
    return finding.model_copy(
        update={
            "title": one_line(finding.title, MAX_TITLE),
            "body": finding.body if len(finding.body) <= MAX_BODY else f"{finding.body[: MAX_BODY - 1].rstrip()}…",
            "suggestion": None if long else finding.suggestion,
        }
    )


def _proved(claim: Claim, files: dict[str, ChangedFile], *, source: str) -> Finding | DroppedFinding:
    file = next((files[path] for path in _spellings(claim.path) if path in files), None)
    if file is None:
        return _dropped(claim, "unknown_path")
    anchor = _located(claim, file)
    if isinstance(anchor, Unanchored):
        return _dropped(claim, anchor.reason)
    is_exact = len(anchor.quote.split("\n")) == len(claim.quote.strip("\n").split("\n"))
    suggestion = applicable(hide_shown(claim.suggestion), file, line=anchor.line, end_line=anchor.end_line)
    return Finding(
        path=file.path,
        line=anchor.line,
        end_line=anchor.end_line,
        severity=severity_of(claim),
        category=category_of(claim),
        title=claim.title,
        body=claim.body,
        quote=anchor.quote,
        source=source,
        suggestion=suggestion if is_exact else None,
    )


def _located(claim: Claim, file: ChangedFile) -> Anchor | Unanchored:
    """Return where the quote stands; read literally first, because source code may hold our escapes as text."""
    near = claim.line if claim.line > 0 else None
    anchor = locate(claim.quote, file, near)
    unescaped = hide_shown(claim.quote)
    return locate(unescaped, file, near) if isinstance(anchor, Unanchored) and unescaped != claim.quote else anchor


def _spellings(path: str) -> Iterable[str]:
    yield path
    yield hide_shown(path)
    yield path.strip().removeprefix("./").strip('"')
    yield path.strip().removeprefix("b/")


def _within_diff(finding: Finding, file: ChangedFile | None) -> Finding | DroppedFinding:
    """Return a static finding cut to its hunk, or dropped: a forge refuses the whole review for one line outside the diff."""
    if file is None:
        return _dropped(finding, "unknown_path")
    try:
        lines = commentable_lines(file)
    except UnreadableDiff:
        lines = {}
    if finding.line not in lines or finding.end_line < finding.line:
        return _dropped(finding, "outside_diff")
    end = finding.line
    while end < finding.end_line and lines.get(end + 1) == lines[finding.line]:
        end += 1
    if end == finding.end_line:
        return finding
    quote = "\n".join(finding.quote.split("\n")[: end - finding.line + 1])
    return finding.model_copy(update={"end_line": end, "quote": quote, "suggestion": None})


def _dropped(said: Claim | Finding, reason: str) -> DroppedFinding:
    return DroppedFinding(path=one_line(said.path, MAX_PATH), title=one_line(said.title, MAX_TITLE), reason=reason)
