"""The reviewer: what the model says, and what of it proves itself."""

from collections.abc import Iterator

import dagster as dg

from codegen_platform.agents import reviewer
from codegen_platform.agents.backend import ModelBackend
from codegen_platform.agents.reviewer import DraftReview, ReviewLimits
from codegen_platform.analysis import without_secrets
from codegen_platform.artifacts import CodeReview, PullRequestSnapshot, StaticFindings
from codegen_platform.changes.configuration import parse_instructions
from codegen_platform.errors import ModelUnavailable
from codegen_platform.store import TaskRow
from codegen_platform.tasks.retrying import is_last_try, tries_of_kind
from jobs.ops.edge import RETRIES, engine_errors, ordinary_ends
from jobs.ops.markdown import findings_table
from jobs.ops.output import document_output
from resources import ArtifactStorage, ReviewModel, TaskLease
from resources.process import settings

AWAY = ModelUnavailable.code


@dg.op(out=dg.Out(DraftReview, is_required=False, io_manager_key="memory"), retry_policy=RETRIES, pool="model")
def review_with_model(
    context: dg.OpExecutionContext,
    snapshot: PullRequestSnapshot,
    findings: StaticFindings,
    model: ReviewModel,
    lease: TaskLease,
) -> Iterator[dg.Output[DraftReview]]:
    """Ask the model for findings; without a model, when it refuses, and on the last try, the static findings stand alone."""
    task = lease.task
    with ordinary_ends(context, lease), engine_errors(context):
        lease.check()
        draft = reviewer.review(
            without_secrets(snapshot),
            findings,
            backend=_backend(model, lease),
            instructions=parse_instructions(snapshot.instructions),
            limits=_limits(),
            task_id=str(task.id) if task else context.run_id,
            last_attempt=task is None or _is_last_try(task),
        )
        if draft.model is not None and draft.degraded is None:
            lease.answered(AWAY)
        yield dg.Output(draft)


@dg.op(out=dg.Out(CodeReview, is_required=False), retry_policy=RETRIES)
def verify_review(
    context: dg.OpExecutionContext,
    draft: DraftReview,
    snapshot: PullRequestSnapshot,
    findings: StaticFindings,
    model: ReviewModel,
    lease: TaskLease,
    artifacts: ArtifactStorage,
) -> Iterator[dg.Output[CodeReview]]:
    """Keep the findings whose quote stands in the change, and say what became of the others."""
    given = settings()
    instructions = parse_instructions(snapshot.instructions)
    features = given.features.model_copy(update=dict(instructions.features))
    with ordinary_ends(context, lease), engine_errors(context):
        lease.check()
        review = reviewer.verify(
            draft,
            snapshot,
            findings,
            instructions=instructions,
            shown=without_secrets(snapshot) if draft.claims else None,
            severity_floor=given.review.severity_floor,
            max_comments=given.review.max_comments,
            refuter=_backend(model, lease) if features.experimental_ai_features else None,
            limits=_limits(),
        )
        if artifacts.storage.away:
            why = f"documents wait on this machine: {artifacts.storage.away}"
            review = review.model_copy(update={"degraded": "; ".join(filter(None, (review.degraded, why)))})
        if review.degraded:
            context.log.warning("degraded: %s", review.degraded)
        yield document_output(review, _metadata(review))


def _backend(model: ReviewModel, lease: TaskLease) -> ModelBackend | None:
    return model.backend(lease.task, cancelled=lambda: lease.lost)


def _is_last_try(task: TaskRow) -> bool:
    tries = tries_of_kind(task.failures, AWAY)
    return task.is_by_hand or is_last_try(AWAY, tries, settings().workers.max_attempts)


def _limits() -> ReviewLimits:
    given = settings()
    return ReviewLimits(max_prompt_tokens=given.review.max_prompt_tokens, max_cost_usd=given.model.max_cost_usd)


def _metadata(review: CodeReview) -> dict[str, dg.MetadataValue | str | int | float]:
    usage = review.usage
    return {
        "outcome": review.outcome.value,
        "report": dg.MetadataValue.md(findings_table(review.findings)),
        "findings": len(review.findings),
        **{f"findings_{severity}": count for severity, count in review.counts_by_severity().items()},
        "suppressed": len(review.suppressed),
        "dropped": len(review.dropped),
        "files_reviewed": review.coverage.files_reviewed,
        "files_changed": review.coverage.files_changed,
        "model": usage.model if usage else "none",
        "input_tokens": usage.input_tokens if usage else 0,
        "output_tokens": usage.output_tokens if usage else 0,
        "cache_read_tokens": usage.cache_read_tokens if usage else 0,
        "cost_usd": review.cost_usd,
        "degraded": review.degraded or "no",
        "pull_request": dg.MetadataValue.url(review.url) if review.url else "local",
    }
