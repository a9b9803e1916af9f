"""Handing a review to the publisher, and recording what the forge then shows."""

import time
from collections.abc import Iterator
from uuid import UUID

import dagster as dg

from codegen_platform.artifacts import CodeReview, PublishedReview, Validation
from codegen_platform.publishing import gate
from codegen_platform.security.redaction import KnownSecrets
from codegen_platform.store import EffectRow, Store, TaskRow
from jobs.ops.edge import RETRIES, engine_errors, ordinary_ends
from jobs.ops.markdown import checks_table
from jobs.ops.output import document_output
from jobs.ops.validation import ValidatedReview
from resources import Ledger, PublisherProcess, TaskLease
from resources.process import settings

PATIENCE_SECONDS = 60.0
"""How long a run waits for the publisher before it frees its worker; what is posted later is recorded by the sensor `stuck_tasks`."""


@dg.op(out=dg.Out(PublishedReview, is_required=False), retry_policy=RETRIES)
def publish_review(
    context: dg.OpExecutionContext,
    validated: ValidatedReview,
    ledger: Ledger,
    lease: TaskLease,
    publisher: PublisherProcess,
) -> Iterator[dg.Output[PublishedReview]]:
    """Put the review into the outbox, wait until it is posted and read back, and record what the forge shows."""
    store = ledger.store
    with ordinary_ends(context, lease), engine_errors(context):
        assert lease.task is not None, "only a run that holds a task has a review validated"
        finished = published_for(store, lease.task)  # done by an earlier try of this step
        if finished is None:
            lease.check()
            effect = _enqueue(store, lease.task, validated.review)
            publisher.post_if_alone()
            finished = _wait(store, effect.id, lease)
        if finished is None or finished.result is None:
            context.log.warning(
                "not posted within %.0f s; the publisher goes on, and the sensor `stuck_tasks` records it",
                PATIENCE_SECONDS,
            )
            return
        published = PublishedReview.from_bytes(finished.result)
        yield document_output(published, publication_metadata(published, validated.validation))
        store.effects.mark_materialized(finished.id)  # Dagster resumes here once it has stored document and event
        if published.state == "dead":
            raise dg.Failure(f"the review could not be posted: {published.reason}", allow_retries=False)


def published_for(store: Store, task: TaskRow) -> EffectRow | None:
    """Return the effect with which the publisher ended this claim of the task; None while publishing goes on."""
    now = store.tasks.get(task.id)
    if now is None or now.fence != task.fence:
        return None
    ends = {"done": "complete", "superseded": "superseded", "dead": "dead"}
    effects = (effect for effect in store.effects.for_task(task.id) if effect.effect_key == _key(task))
    return next((effect for effect in effects if effect.result and ends.get(effect.state) == now.status), None)


def _enqueue(store: Store, task: TaskRow, review: CodeReview) -> EffectRow:
    options = gate.GateOptions(
        max_comments=settings().review.max_comments,
        note=task.metadata.get("notes") is True,
        known_secrets=_known_secrets(),
    )
    return store.effects.enqueue(
        task.id,
        fence=task.fence,
        kind="review",
        effect_key=_key(task),
        payload=gate.compose(review, options=options).to_bytes(),
        head_sha=review.head_sha,
    )


def _key(task: TaskRow) -> str:
    return f"review:{task.semantic_key}"


def _wait(store: Store, effect_id: UUID, lease: TaskLease) -> EffectRow | None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    with store.listen("effects") as bell:
        while (left := deadline - time.monotonic()) > 0:
            lost = lease.lost  # asked first: the publisher ends the task and with it our lease
            effect = store.effects.get(effect_id)
            if effect is not None and effect.finished_at is not None:
                return effect
            if lost:
                lease.check()
            bell.wait(min(left, 2.0))
    return None


def _known_secrets() -> KnownSecrets:
    """Return what this process knows and the publisher, which looks again for its own, need not."""
    given = settings()
    held = (given.model.api_key, given.github.read_token, given.github.token, given.github.app_private_key)
    return KnownSecrets([secret.get_secret_value() for secret in held if secret is not None])


def publication_metadata(published: PublishedReview, validation: Validation) -> dict[str, dg.MetadataValue | str | int]:
    """Return what a person wants to see of a publication."""
    return {
        "state": published.state,
        "outcome": published.outcome.value,
        "review": dg.MetadataValue.url(published.url) if published.url else "nothing was posted",
        "confirmed": published.confirmed,
        "posted": published.posted,
        "suppressed": published.suppressed,
        "failed": published.failed,
        "checks": dg.MetadataValue.md(checks_table(validation.checks)),
        "head_commit": published.head_sha,
        "task": published.task_id,
    }
