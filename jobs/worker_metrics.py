"""What the run workers count; imported only once PROMETHEUS_MULTIPROC_DIR is set, which the client library reads at import."""

import time

from celery import signals
from prometheus_client import Counter, Gauge, Histogram

from jobs.ops import edge

RUNS = Counter("codegen_worker_runs_total", "Runs executed by the warm workers.", ["state"])
RUN_SECONDS = Histogram(
    "codegen_worker_run_seconds", "How long a run took in its worker.", buckets=(0.5, 1, 2, 5, 10, 30, 60, 300, 1800)
)
BUSY = Gauge("codegen_worker_busy", "Workers that execute a run now.", multiprocess_mode="livesum")

OP_SECONDS = Histogram(
    "codegen_worker_op_seconds", "How long an op took.", ["op", "ended"], buckets=(0.05, 0.2, 1, 5, 20, 60, 300)
)


def time_ops() -> None:
    """Measure every op from now on: the feature flag `enhanced_monitoring`."""
    edge.measure_ops_with(lambda op, seconds, ended: OP_SECONDS.labels(op=op, ended=ended).observe(seconds))


def count_runs() -> None:
    """Count every run from now on, in this process and those forked from it."""
    started: dict[str, float] = {}

    def begin(task_id: str, **_: object) -> None:
        started[task_id] = time.monotonic()
        BUSY.set(1)

    def end(task_id: str, state: str, **_: object) -> None:
        RUN_SECONDS.observe(time.monotonic() - started.pop(task_id, time.monotonic()))
        RUNS.labels(state=state.lower()).inc()
        BUSY.set(0)

    signals.task_prerun.connect(begin, weak=False)
    signals.task_postrun.connect(end, weak=False)
