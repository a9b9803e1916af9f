"""A second, cheaper look (experimental): a model call that tries to refute each proved claim from the code around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import structlog
from pydantic import BaseModel, BeforeValidator, JsonValue, ValidationError

from codegen_platform.agents.asking import ask
from codegen_platform.agents.backend import ModelBackend, ModelRequest, Turn
from codegen_platform.agents.context import lines_around
from codegen_platform.agents.limits import ReviewLimits
from codegen_platform.agents.meter import Meter, prompt_tokens_of
from codegen_platform.agents.templates import prompt, version_of
from codegen_platform.agents.untrusted import block, key_for, quoted, show_hidden
from codegen_platform.artifacts import DroppedFinding, Finding, ModelUsage, PullRequestSnapshot
from codegen_platform.changes.budget import estimate_tokens
from codegen_platform.errors import BudgetExhausted, ModelRefused, ModelUnavailable

PURPOSE = "refute"
MARGIN = 25  # lines of code shown before and after a claim
MAX_OUTPUT_TOKENS = 6_000
MAX_CLAIMS = 40

log = structlog.get_logger()


class Verdict(BaseModel):
    """What was found out about one claim, by its number."""

    claim: int
    reason: str
    verdict: Annotated[Literal["refuted", "stands"], BeforeValidator(lambda word: str(word).strip().lower())]


class RefuteAnswer(BaseModel):
    """What a refutation call must answer."""

    verdicts: list[Verdict]


@dataclass(frozen=True, kw_only=True, slots=True)
class Refutation:
    """Which findings stand, which were refuted, and what the call used; `notes` says if it did not come to a verdict."""

    standing: tuple[Finding, ...]
    refuted: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    usage: ModelUsage | None = None

    @property
    def dropped(self) -> tuple[DroppedFinding, ...]:
        """Return the refuted findings as dropped, with reason `refuted`."""
        return tuple(DroppedFinding(path=f.path, title=f.title, reason="refuted") for f in self.refuted)


def refute(
    findings: Sequence[Finding], snapshot: PullRequestSnapshot, *, backend: ModelBackend, limits: ReviewLimits
) -> Refutation:
    """Return which findings the code shown contradicts. A claim without a verdict stands; a failed call refutes nothing and says so.

    Raises:
        LeaseLost: the task was cancelled.
    """
    texts = _claim_texts(findings[:MAX_CLAIMS], snapshot, max_tokens=limits.prompt_tokens_per_call)
    asked = findings[: len(texts)]
    meter = Meter(backend.model, limits)
    prompt_sha256 = version_of("refute_system", "refute_claims", "repair", "shorter", output=RefuteAnswer)
    request = ModelRequest(
        purpose=PURPOSE,
        system=(prompt("refute_system").render(),),
        turns=(Turn(role="user", text=_message(texts)),),
        output=RefuteAnswer,
        prompt_sha256=prompt_sha256,
        max_output_tokens=MAX_OUTPUT_TOKENS,
        effort="low",
    )
    try:
        tokens = min(MAX_OUTPUT_TOKENS, meter.affordable_output_tokens(prompt_tokens_of(request)))
        reply = ask(backend, replace(request, max_output_tokens=tokens), meter=meter)
    except (ModelUnavailable, ModelRefused, BudgetExhausted) as error:
        log.warning("review.not_refuted", code=error.code)
        note = f"The findings were not checked a second time: {error}."
        return Refutation(standing=tuple(findings), notes=(note,), usage=meter.usage(prompt_sha256))
    numbers = _refuted_numbers(reply.payload, asked=len(asked))
    return Refutation(
        standing=tuple(finding for number, finding in enumerate(findings, 1) if number not in numbers),
        refuted=tuple(finding for number, finding in enumerate(asked, 1) if number in numbers),
        usage=meter.usage(prompt_sha256),
    )


def _claim_texts(findings: Sequence[Finding], snapshot: PullRequestSnapshot, *, max_tokens: int) -> list[str]:
    """Return each claim with the code around it, as many as fit: 50 lines of 1,000 characters each add up."""
    files = {file.path: file for file in snapshot.files}
    texts: list[str] = []
    for finding in findings:
        text = (
            f"{quoted(finding.path)} lines {finding.line} to {finding.end_line}, {finding.severity.value} {finding.category.value}\n"
            f"{show_hidden(finding.title)}\n{show_hidden(finding.body)}\n\n"
            f"{lines_around(files[finding.path], finding.line, finding.end_line, margin=MARGIN)}"
        )
        max_tokens -= estimate_tokens(text)
        if max_tokens < 0:
            break
        texts.append(text)
    return texts


def _message(texts: Sequence[str]) -> str:
    key = key_for(texts)
    blocks = [block(key, f"CLAIM {number}", text) for number, text in enumerate(texts, 1)]
    return prompt("refute_claims").render(key=key, claims="\n\n".join(blocks))


def _refuted_numbers(payload: dict[str, JsonValue], *, asked: int) -> set[int]:
    try:
        answer = RefuteAnswer.model_validate(payload)
    except (
        ValidationError
    ):  # an answer that was cut off may end in half a verdict; what it had said by then is not used
        return set()
    return {verdict.claim for verdict in answer.verdicts if verdict.verdict == "refuted" and verdict.claim <= asked}
