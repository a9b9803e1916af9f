"""Dagster's home is made from the checkout's dagster.yaml, and tells where the code server is."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import yaml

from codegen_platform.local.dagster_home import dagster_yaml, write_dagster_home
from codegen_platform.settings import Settings, load_settings
from codegen_platform.settings.schema import CHECKOUT

TEMPLATE = "telemetry:\n  enabled: false  # we do not phone home\n"


def settings(**given: str) -> Settings:
    return load_settings({"CODEGEN_HOME": "/home/me/.codegen", **given})


def test_without_s3_the_checkouts_file_is_used_as_it_is() -> None:
    assert dagster_yaml(TEMPLATE, settings()) == TEMPLATE


def test_with_artifacts_in_s3_the_logs_of_runs_go_beside_them() -> None:
    given = settings(
        CODEGEN_ARTIFACTS_URL="s3://acme-artifacts/codegen/prod",
        CODEGEN_S3_ENDPOINT_URL="http://minio:9000",
        CODEGEN_ARTIFACTS__S3_REGION="eu-west-1",
    )
    written = dagster_yaml(TEMPLATE, given)
    assert written.startswith(TEMPLATE)
    logs = yaml.safe_load(written)["compute_logs"]
    manager = getattr(importlib.import_module(logs["module"]), logs["class"])
    assert set(logs["config"]) <= set(manager.config_type())
    assert logs["config"]["bucket"] == "acme-artifacts"
    assert logs["config"]["prefix"] == "codegen/prod/compute-logs"
    assert logs["config"]["endpoint_url"] == "http://minio:9000"
    assert logs["config"]["region"] == "eu-west-1"


def test_a_bucket_without_prefix_has_no_leading_slash() -> None:
    written = dagster_yaml(TEMPLATE, settings(CODEGEN_ARTIFACTS_URL="s3://acme-artifacts"))
    assert yaml.safe_load(written)["compute_logs"]["config"]["prefix"] == "compute-logs"


def test_a_choice_of_the_checkout_about_logs_stays() -> None:
    own = "compute_logs:\n  module: dagster._core.storage.noop_compute_log_manager\n  class: NoOpComputeLogManager\n"
    assert dagster_yaml(own, settings(CODEGEN_ARTIFACTS_URL="s3://acme-artifacts")) == own


def test_the_workspace_points_to_the_code_server(tmp_path: Path) -> None:
    workspace = write_dagster_home(
        settings(CODEGEN_HOME=str(tmp_path)), checkout=CHECKOUT, code_server_socket=tmp_path / "code.sock"
    )
    assert yaml.safe_load(workspace.read_text())["load_from"] == [
        {"grpc_server": {"socket": str(tmp_path / "code.sock"), "location_name": "codegen_platform"}}
    ]
    assert (workspace.parent / "dagster.yaml").read_text() == (CHECKOUT / "dagster.yaml").read_text()


def test_our_tables_and_dagsters_can_share_one_database() -> None:
    from dagster._core.storage.event_log.schema import SqlEventLogStorageMetadata
    from dagster._core.storage.runs.schema import RunStorageSqlMetadata
    from dagster._core.storage.schedules.schema import ScheduleStorageSqlMetadata

    theirs = {"alembic_version"}
    for metadata in (SqlEventLogStorageMetadata, RunStorageSqlMetadata, ScheduleStorageSqlMetadata):
        theirs |= set(metadata.tables)
    migrations = CHECKOUT / "codegen_platform" / "store" / "migrations"
    ours = set(re.findall(r'^VERSION_TABLE = "(\w+)"', (migrations.parent / "schema.py").read_text(), re.MULTILINE))
    for file in (migrations / "versions").glob("*.sql"):
        ours |= set(re.findall(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)", file.read_text()))
    assert len(ours) > 5
    assert not ours & theirs
