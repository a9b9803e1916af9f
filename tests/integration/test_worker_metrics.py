"""Metrics of ended workers are kept, in one file per kind, and no killed worker counts as busy for ever."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

COUNTING = """
import os, sys
from celery import signals
from jobs.worker_metrics import count_runs
count_runs()
signals.task_prerun.send(sender=None, task_id="1")
for exit_code in map(int, sys.argv[1:]):
    signals.task_postrun.send(sender=None, task_id="1", state="SUCCESS", retval=exit_code)
    signals.task_prerun.send(sender=None, task_id="1")
os.kill(os.getpid(), 9)
"""
SCRAPING = """
import sys
from pathlib import Path
from prometheus_client import CollectorRegistry, generate_latest
from jobs.worker_metrics import WorkerCollector
registry = CollectorRegistry()
registry.register(WorkerCollector(Path(sys.argv[1])))
for _ in range(2):
    print(generate_latest(registry).decode())
"""


def test_the_files_of_workers_that_were_killed_are_folded_into_one(tmp_path: Path) -> None:
    workers = 2
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for _ in range(workers):
        subprocess.run([sys.executable, "-c", COUNTING, "0", "0", "1"], env=environment, timeout=60)
    of_the_killed = {file.name for file in tmp_path.iterdir()}
    assert len(of_the_killed) == 3 * workers
    scraped = subprocess.run(
        [sys.executable, "-c", SCRAPING, str(tmp_path)],
        env=environment, capture_output=True, text=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    assert scraped.count(f'codegen_worker_runs_total{{state="success"}} {2.0 * workers}') == 2
    assert scraped.count(f'codegen_worker_runs_total{{state="failure"}} {1.0 * workers}') == 2
    assert scraped.count(f"codegen_worker_run_seconds_count {3.0 * workers}") == 2
    assert "codegen_worker_busy 1.0" not in scraped
    left = {file.name for file in tmp_path.iterdir()}
    assert left >= {"counter_ended.db", "histogram_ended.db"}
    assert not left & of_the_killed
