"""A worker process keeps one Dagster instance between runs, whatever happens to PostgreSQL meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PROGRAM = """
import json, sys
import psycopg
from celery import Celery
from dagster import DagsterInstance, job, op
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import pack_value
from dagster_celery.config import TASK_EXECUTE_JOB_NAME
from jobs.run_task import register_run_task
from resources.process import once_per_process

app = Celery(broker="memory://", backend="cache+memory://")
register_run_task(app)
task = app.tasks[TASK_EXECUTE_JOB_NAME]
job = ReconstructableJob(ReconstructableRepository.for_module("codegen_platform.definitions", "defs"), "review_once")
instances, codes = set(), []
for _ in range(2):
    with DagsterInstance.get() as launcher:
        run = launcher.create_run_for_job(
            job.get_definition(), run_config={"ops": {"claim_task": {"config": {"pull_request": "nobody"}}}},
            job_code_origin=job.get_python_origin(),
        )
        arguments = ExecuteRunArgs(
            job_origin=run.job_code_origin, run_id=run.run_id, instance_ref=launcher.get_ref(),
            set_exit_code_on_failure=True,
        )
        codes.append(task(pack_value(arguments)))
        codes.append(launcher.get_run_by_id(run.run_id).status.value)
    instances.add(id(once_per_process("dagster_instance", dict)))
    with psycopg.connect(sys.argv[1], autocommit=True) as server:
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                       " AND datname = current_database()")
print(json.dumps([len(instances), codes]))
"""


def test_a_worker_keeps_its_instance_and_survives_the_loss_of_its_connections(
    environ: dict[str, str], tmp_path: Path
) -> None:
    home = tmp_path / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text((CHECKOUT / "dagster.yaml").read_text())
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, environ["CODEGEN_DATABASE_URL"]],
        cwd=CHECKOUT, env={**environ, "DAGSTER_HOME": str(home)}, capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert json.loads(ended.stdout.splitlines()[-1]) == [1, [1, "FAILURE"] * 2], "both runs were executed and recorded"
