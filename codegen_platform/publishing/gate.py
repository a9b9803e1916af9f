"""The gate: from a review to what may be posted. All of its text is hostile until it went through here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from codegen_platform.artifacts import CodeReview, Finding
from codegen_platform.errors import CodegenError
from codegen_platform.publishing import body, inert
from codegen_platform.publishing.marker import finding_marker
from codegen_platform.publishing.post import PostComment, ReviewPost
from codegen_platform.security.redaction import KnownSecrets, mask_tokens

_NO_SECRETS = KnownSecrets(())


@dataclass(frozen=True, kw_only=True, slots=True)
class GateOptions:
    """How a review is put into words.

    Attributes:
        max_comments: inline comments; the least severe findings beyond it stand in the body.
        max_body_chars: room for the body, well under GitHub's 65,536.
        known_secrets: this installation's credentials; a trace of one blocks the review.
        note: whether a local repository shall also carry the review as a git note.
    """

    max_comments: int = 30
    max_body_chars: int = 60_000
    known_secrets: KnownSecrets = field(default=_NO_SECRETS)
    note: bool = False


class OutgoingTextBlocked(CodegenError):
    """Outgoing text carries a part of one of this installation's own secrets; it was not sent, and masking it would hide an incident."""

    code = "outgoing_text_blocked"


def compose(review: CodeReview, *, options: GateOptions | None = None) -> ReviewPost:
    """Return the review as inert Markdown: a body, and inline comments for the most severe findings.

    Raises:
        OutgoingTextBlocked: a part of a known secret was found.
    """
    options = options or GateOptions()
    refuse_leaks("\n".join(_texts(review)), options.known_secrets)
    review, masked = _masked(review)
    ranked = sorted(review.findings, key=lambda finding: (finding.severity.rank, finding.path, finding.line))
    inline, rest = ranked[: options.max_comments], ranked[options.max_comments :]
    text, shown = body.render(review, rest, max_chars=options.max_body_chars)
    post = ReviewPost(
        task_id=review.task_id,
        forge=review.forge,
        repository=review.repository,
        number=review.number,
        commit_id=review.head_sha,
        outcome=review.outcome,
        body=text,
        comments=tuple(_comment(finding, review.task_id) for finding in inline),
        in_body=tuple(finding.fingerprint for finding in rest[:shown]),
        omitted=tuple(finding.fingerprint for finding in rest[shown:]),
        suppressed=len(review.suppressed),
        note=options.note,
        masked=masked,
    )
    refuse_leaks("\n".join(post.texts), options.known_secrets)
    return post


def refuse_leaks(text: str, secrets: KnownSecrets) -> None:
    """Do nothing if the text is free of known secrets.

    Raises:
        OutgoingTextBlocked: it is not; the message does not repeat the secret.
    """
    if secrets.leak_in(text):
        raise OutgoingTextBlocked(
            "outgoing text carries a part of one of this installation's own secrets; nothing was posted"
        )


def suggestion_is_valid(finding: Finding) -> bool:
    """Return whether the suggestion can be offered for committing: it changes the lines, and can be posted byte for byte."""
    suggestion = finding.suggestion
    if suggestion is None or suggestion == finding.quote or len(suggestion) > 8_000:
        return False
    return inert.is_plain_code(suggestion)


def _comment(finding: Finding, task_id: str) -> PostComment:
    several = finding.end_line > finding.line
    parts = [
        f"{body.badge(finding)} {inert.sentence(finding.title, max_chars=200)}",
        inert.block(finding.body, max_chars=4_000, max_lines=60),
        _suggestion(finding),
        f"<sub>{inert.code(finding.source, max_chars=80)} · task {inert.code(task_id, max_chars=36)}</sub>",
        finding_marker(finding.fingerprint),
    ]
    return PostComment(
        path=finding.path,
        line=finding.end_line,
        start_line=finding.line if several else None,
        body="\n\n".join(filter(None, parts)),
        fingerprint=finding.fingerprint,
        instead=body.one_line(finding),
    )


def _suggestion(finding: Finding) -> str:
    if finding.suggestion is None:
        return ""
    if not suggestion_is_valid(finding):
        return "Instead:\n\n" + inert.fenced(inert.cut(finding.suggestion, max_chars=8_000))
    ticks = inert.ticks_around(finding.suggestion)
    return f"{ticks}suggestion\n{finding.suggestion}\n{ticks}"


def _texts(review: CodeReview) -> Iterator[str]:
    """Yield what of a review others wrote, as they wrote it: escaping would tear a secret apart and hide it."""
    yield review.summary
    yield review.degraded or ""
    for finding in (*review.findings, *(item.finding for item in review.suppressed)):
        yield from (finding.path, finding.title, finding.body, finding.source, finding.suggestion or "")
    for file in review.coverage.skipped:
        yield file.path


def _masked(review: CodeReview) -> tuple[CodeReview, int]:
    """Mask what looks like a credential in every text of the review; a suggestion that needed it is no longer one to commit."""
    total = 0

    def mask(text: str) -> str:
        nonlocal total
        masked, count = mask_tokens(text)
        total += count
        return masked

    def mask_finding(finding: Finding) -> Finding:
        texts = {name: mask(getattr(finding, name)) for name in ("title", "body", "source")}
        suggestion = finding.suggestion
        if suggestion is not None and mask(suggestion) != suggestion:
            texts["body"] += "\n\n(A suggestion was left out because it carried a credential.)"
            suggestion = None
        return finding.model_copy(update={**texts, "suggestion": suggestion})

    update = {
        "summary": mask(review.summary),
        "degraded": mask(review.degraded) if review.degraded else None,
        "findings": tuple(mask_finding(finding) for finding in review.findings),
        "suppressed": tuple(
            item.model_copy(update={"finding": mask_finding(item.finding)}) for item in review.suppressed
        ),
    }
    return review.model_copy(update=update), total
