"""The reviewer: asks a model about a change (`review`), and keeps of its answer what proves itself (`verify`).

Without a model both still give a review: that of the static analysers.
"""

from __future__ import annotations

from dataclasses import replace

import structlog

from codegen_platform.agents.asking import Patience
from codegen_platform.agents.backend import ModelBackend
from codegen_platform.agents.batches import Plan, plan
from codegen_platform.agents.draft import DraftReview
from codegen_platform.agents.judging import Judgement, judge
from codegen_platform.agents.limits import ReviewLimits
from codegen_platform.agents.meter import Meter
from codegen_platform.agents.proving import prove, with_proved_suggestion
from codegen_platform.agents.reading import BatchReader, Reading
from codegen_platform.agents.refuting import Refutation, refute
from codegen_platform.agents.review_prompt import prompt_sha256, room_for_files
from codegen_platform.agents.summary import conclude
from codegen_platform.artifacts import CodeReview, Finding, ModelUsage, PullRequestSnapshot, Severity, StaticFindings
from codegen_platform.changes.configuration import ReviewInstructions

__all__ = ["DraftReview", "ReviewLimits", "review", "verify"]

log = structlog.get_logger()


def review(
    snapshot: PullRequestSnapshot,
    static: StaticFindings,
    *,
    backend: ModelBackend | None,
    instructions: ReviewInstructions,
    limits: ReviewLimits | None = None,
    task_id: str,
    last_attempt: bool = False,
    patience: Patience | None = None,
) -> DraftReview:
    """Return what the model says about the change; nothing, if there is no model.

    A refusal, an exhausted budget and, on the last attempt, an unavailable model end in a draft that says why it is incomplete.

    Raises:
        ModelUnavailable: for a reason that passes, and this is not the last attempt; what was answered is in the ledger.
        LeaseLost: the task was cancelled.
    """
    limits = limits or ReviewLimits()
    draft = DraftReview(
        task_id=task_id,
        repository=snapshot.repository,
        number=snapshot.number,
        head_sha=snapshot.head_sha,
        notes=instructions.warnings,
    )
    if backend is None:
        return draft
    meter = Meter(backend.model, limits)
    calls = _plan(snapshot, static, instructions, limits)
    reader = BatchReader(
        snapshot=snapshot,
        static=static,
        backend=backend,
        guidelines=instructions.guidelines,
        meter=meter,
        patience=patience or Patience(),
    )
    reading = reader.read(calls.batches)
    if reading.unavailable and not last_attempt:
        raise reading.unavailable
    return _completed(draft, calls, reading, meter)


def verify(
    draft: DraftReview,
    snapshot: PullRequestSnapshot,
    static: StaticFindings,
    *,
    instructions: ReviewInstructions,
    shown: PullRequestSnapshot | None = None,
    severity_floor: Severity = Severity.LOW,
    max_comments: int = 15,
    refuter: ModelBackend | None = None,
    limits: ReviewLimits | None = None,
) -> CodeReview:
    """Return the review: findings that stand in the diff, and the fate of all others.

    Every claim and every static finding ends up in exactly one of `findings`, `suppressed` and `dropped`. The repository's own severity
    floor and comment limit go before the arguments. `shown` is the change as the model saw it, without its secrets. With a `refuter` (the
    feature flag `experimental_ai_features`), a second model call tries to refute what the first one found.

    Raises:
        LeaseLost: the task was cancelled while the refuter worked.
    """
    proof = prove(draft, snapshot, static, shown=shown)
    refutation = Refutation(standing=proof.claimed)
    if refuter is not None and proof.claimed:
        left = _what_is_left(limits or ReviewLimits(), draft.usage)
        refutation = refute(proof.claimed, shown or snapshot, backend=refuter, limits=left)
    judgement = judge(
        claimed=refutation.standing,
        static=proof.static,
        floor=instructions.severity_floor or severity_floor,
        max_comments=max_comments if instructions.max_comments is None else instructions.max_comments,
    )
    judgement = _with_proved_suggestions(judgement, snapshot)
    return conclude(
        draft,
        snapshot,
        static,
        judgement=judgement,
        dropped=(*draft.invalid, *proof.dropped, *refutation.dropped),
        notes=(*draft.notes, *refutation.notes),
        usage=_added(draft.usage, refutation.usage),
    )


def _with_proved_suggestions(judgement: Judgement, snapshot: PullRequestSnapshot) -> Judgement:
    """Return the judgement; a finding that took over the suggestion of another one keeps it only if it applies there too."""
    files = {file.path: file for file in snapshot.files}

    def proved(finding: Finding) -> Finding:
        return with_proved_suggestion(finding, files[finding.path])

    return Judgement(
        findings=tuple(map(proved, judgement.findings)),
        suppressed=tuple(item.model_copy(update={"finding": proved(item.finding)}) for item in judgement.suppressed),
    )


def _plan(
    snapshot: PullRequestSnapshot, static: StaticFindings, instructions: ReviewInstructions, limits: ReviewLimits
) -> Plan:
    room = room_for_files(
        snapshot, static, guidelines=instructions.guidelines, prompt_tokens=limits.prompt_tokens_per_call
    )
    ignored = frozenset(file.path for file in snapshot.files if instructions.ignores(file.path))
    return plan(snapshot.files, ignored=ignored, room=room, max_calls=limits.max_calls)


def _completed(draft: DraftReview, calls: Plan, reading: Reading, meter: Meter) -> DraftReview:
    """Return the draft with what the model said, what it read, and why it is incomplete if it is."""
    nothing = reading.failed
    return draft.model_copy(
        update={
            "model": meter.model,
            "claims": tuple(reading.claims),
            "invalid": tuple(reading.invalid),
            "read": () if nothing else tuple(reading.read(cut=calls.skipped)),
            "skipped": () if nothing else (*calls.skipped, *reading.skipped(known=calls.skipped)),
            "degraded": reading.degraded(meter.model),
            "notes": (*draft.notes, *_price_note(meter)),
            "usage": meter.usage(prompt_sha256()),
        }
    )


def _what_is_left(limits: ReviewLimits, used: ModelUsage | None) -> ReviewLimits:
    return replace(limits, max_cost_usd=max(0.0, limits.max_cost_usd - (used.cost_usd if used else 0.0)))


def _price_note(meter: Meter) -> tuple[str, ...]:
    if meter.price_is_known:
        return ()
    log.warning("model.price_unknown", model=meter.model)
    return (f"The price of {meter.model} is not known: its cost is counted as 0 and the cost ceiling was not applied.",)


def _added(first: ModelUsage | None, second: ModelUsage | None) -> ModelUsage | None:
    """Return the usage of both; the prompt hash and the model are those of the review proper."""
    if first is None or second is None:
        return first or second
    sums = {
        name: round(getattr(first, name) + getattr(second, name), 6)
        for name in ModelUsage.model_fields
        if name not in ("model", "prompt_sha256")
    }
    return first.model_copy(update=sums)
