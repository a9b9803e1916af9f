"""What the run workers count; imported only once PROMETHEUS_MULTIPROC_DIR is set, which the client library reads at import."""

import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
from celery import signals
from prometheus_client import Counter, Gauge, Histogram, Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from jobs.ops import edge

OF_THE_DEAD = "ended"
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

    def end(task_id: str, state: str, retval: Any, **_: object) -> None:
        RUN_SECONDS.observe(time.monotonic() - started.pop(task_id, time.monotonic()))
        # Celery's task succeeds whenever it could execute the run; its result is the exit code of the run.
        RUNS.labels(state="success" if state == "SUCCESS" and retval == 0 else "failure").inc()
        BUSY.set(0)

    signals.task_prerun.connect(begin, weak=False)
    signals.task_postrun.connect(end, weak=False)


class WorkerCollector(MultiProcessCollector):
    """Collects the metrics of all workers; the files of workers that ended are merged into one per kind of metric.

    The client library leaves three files of each process behind. Workers are replaced after some runs, so each day a scrape would
    read more files, and a killed worker would count as busy for ever.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(None, path=str(folder))  # type: ignore[no-untyped-call]
        self._folder = folder
        self._lock = threading.Lock()

    def collect(self) -> Iterable[Metric]:
        """Return the metrics of all workers, those that ended included."""
        with self._lock:
            self._fold()
            return list(super().collect())  # type: ignore[no-untyped-call]

    def fold_ended(self) -> None:
        """Merge the files of processes that ended; called periodically, in case nothing scrapes."""
        with self._lock:
            self._fold()

    def _fold(self) -> None:
        for file in self._folder.glob("*_*.db"):
            kind, _, process = file.stem.rpartition("_")
            if not process.isdigit() or psutil.pid_exists(int(process)):
                continue
            mark_process_dead(int(process), str(self._folder))  # type: ignore[no-untyped-call]
            if file.exists():  # a gauge of live processes has been removed by now
                _add(file, self._folder / f"{kind}_{OF_THE_DEAD}.db")
                file.unlink()


def _add(source: Path, target: Path) -> None:
    known = MmapedDict(str(target))  # type: ignore[no-untyped-call]
    try:
        for key, value, timestamp, _ in MmapedDict.read_all_values_from_file(str(source)):  # type: ignore[no-untyped-call]
            known.write_value(key, known.read_value(key)[0] + value, timestamp)  # type: ignore[no-untyped-call]
    finally:
        known.close()  # type: ignore[no-untyped-call]
