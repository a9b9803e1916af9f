"""Keeping Dagster's lists short."""

import dagster as dg

from jobs.ops.claim import PARTITIONS
from jobs.ops.edge import RETRIES, engine_errors
from resources import Ledger

REMOVED_A_RUN = 2_000


class Kept(dg.Config):
    """How much is kept.

    Attributes:
        partitions: keys of pull requests; at 20,000 the pages of a job and of the assets take seconds in Dagster's UI.
    """

    partitions: int = 5_000


@dg.op(out=dg.Out(int, io_manager_key="memory"), retry_policy=RETRIES)
def prune_partitions(context: dg.OpExecutionContext, config: Kept, ledger: Ledger) -> dg.Output[int]:
    """Remove the keys of the pull requests without open tasks whose last task is oldest, until so many are left.

    Materializations, runs, tasks and documents stay; the next task of such a pull request adds its key again.
    """
    known = context.instance.get_dynamic_partitions(PARTITIONS)
    removed: list[str] = []
    if len(known) > config.partitions:
        with engine_errors(context):
            kept = set(ledger.store.queries.partitions_in_use(config.partitions))
        removed = [key for key in known if key not in kept][:REMOVED_A_RUN]
        for key in removed:
            context.instance.delete_dynamic_partition(PARTITIONS, key)
    context.log.info("removed %s of %s partition keys", len(removed), len(known))
    return dg.Output(len(removed), metadata={"partitions_known": len(known), "partitions_removed": len(removed)})
