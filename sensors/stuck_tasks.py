"""What was left behind is brought to its end."""

import dagster as dg

from assets.documents import is_latest, store_document
from codegen_platform.artifacts import PublishedReview, Validation
from codegen_platform.artifacts.storage import Storage
from codegen_platform.changes.keys import partition_key
from codegen_platform.store import EffectRow, Store
from jobs.ops.publication import publication_metadata
from resources import ArtifactStorage, Ledger
from resources.process import settings

PATIENCE_SECONDS = 5.0
REPORTED_A_TICK = 20
SILENT_SECONDS = 20.0  # an agent gives a sign of life every 5 s
LEFT_TO_THE_RUN_SECONDS = 20.0


@dg.sensor(minimum_interval_seconds=1, default_status=dg.DefaultSensorStatus.RUNNING)
def stuck_tasks(context: dg.SensorEvaluationContext, ledger: Ledger, artifacts: ArtifactStorage) -> dg.SkipReason:
    """Take tasks back from dead runs and silent agents, stop runs that are no longer wanted, record late publications, move documents.

    Dagster does not notice a worker that was killed as a whole; the lease in our ledger does, and the agent's last sign of life.
    """
    store = ledger.store
    with store.listen("tasks") as bell:
        lost_in = store.tasks.seconds_until_lost()
        bell.wait(PATIENCE_SECONDS if lost_in is None else max(0.0, min(PATIENCE_SECONDS, lost_in)))
    silent = store.agents.mark_lost(SILENT_SECONDS)
    recovered = store.tasks.recover_lost(settings().workers.max_attempts)
    for run_id in (task.run_id for task in recovered if task.run_id):
        _end_dead_run(context.instance, run_id)
    moved = artifacts.storage.move_over()
    unwanted = store.tasks.runs_to_stop()
    for run_id in (task.run_id for task in unwanted if task.run_id):
        _stop(context.instance, run_id)
    late = store.effects.unreported(REPORTED_A_TICK, waited_seconds=LEFT_TO_THE_RUN_SECONDS)
    for effect in late:
        record_late_publication(context.instance, store, artifacts.storage, effect)
    return dg.SkipReason(
        f"{len(silent)} agents lost, {len(recovered)} tasks taken back, {len(unwanted)} runs stopped,"
        f" {len(late)} publications recorded, {moved} documents moved to their bucket"
    )


def _end_dead_run(instance: dg.DagsterInstance, run_id: str) -> None:
    run = instance.get_run_by_id(run_id)
    if run is not None and not run.is_finished:
        instance.report_run_failed(run, "The worker of this run died; its task goes on in another run.")


def _stop(instance: dg.DagsterInstance, run_id: str) -> None:
    run = instance.get_run_by_id(run_id)
    if run is not None and not run.is_finished and run.status is not dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceling(run, "The task of this run was cancelled or superseded.")
        instance.run_launcher.terminate(run_id)


def record_late_publication(instance: dg.DagsterInstance, store: Store, storage: Storage, effect: EffectRow) -> None:
    """Record a publication that no run waited for; the ledger marks it as recorded once Dagster has stored the event.

    If this is interrupted in between, the next tick records it again.
    """
    assert effect.result is not None
    published = PublishedReview.from_bytes(effect.result)
    store_document(storage, published, is_latest=is_latest(store, published))
    partition = partition_key(published.repository, published.number)
    metadata = publication_metadata(published, _validation(store, effect))
    instance.report_runless_asset_event(
        dg.AssetMaterialization("published_review", partition=partition, metadata=metadata)
    )
    store.effects.mark_materialized(effect.id)


def _validation(store: Store, effect: EffectRow) -> Validation:
    task = store.tasks.get(effect.task_id) if effect.task_id else None
    report = task.validation if task else None
    return Validation.model_validate({"checks": report["checks"] if report else ()})
