"""Dagster's home below ours: its settings, made from the checkout's `dagster.yaml`, and where its code server is."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import yaml

from codegen_platform.settings import Settings

LOCATION = "codegen_platform"


def write_dagster_home(settings: Settings, *, checkout: Path, code_server_socket: Path) -> Path:
    """Write `dagster.yaml` and `workspace.yaml` into `<home>/dagster` and return the path of the latter."""
    folder = write_dagster_settings(settings, checkout=checkout)
    server = {"socket": str(code_server_socket), "location_name": LOCATION}
    workspace = folder / "workspace.yaml"
    _replace(workspace, yaml.safe_dump({"load_from": [{"grpc_server": server}]}))
    return workspace


def write_dagster_settings(settings: Settings, *, checkout: Path) -> Path:
    """Write `dagster.yaml` into `<home>/dagster` and return that folder: all that a standalone worker needs."""
    folder = settings.home / "dagster"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _replace(folder / "dagster.yaml", dagster_yaml((checkout / "dagster.yaml").read_text(), settings))
    return folder


def dagster_yaml(template: str, settings: Settings) -> str:
    """Return Dagster's settings: the template, and with artifacts in S3 the logs of runs beside them.

    What the template itself says about `compute_logs` stays.
    """
    target = urlsplit(settings.artifacts.url)
    given = yaml.safe_load(template) or {}
    if target.scheme != "s3" or "compute_logs" in given:
        return template
    config: dict[str, str | bool] = {
        "bucket": target.netloc,
        "prefix": "/".join(part for part in (target.path.strip("/"), "compute-logs") if part),
        "local_dir": str(settings.home / "dagster" / "storage"),
        "skip_empty_files": True,
    }
    if settings.artifacts.s3_endpoint_url:
        config["endpoint_url"] = settings.artifacts.s3_endpoint_url
    if settings.artifacts.s3_region:
        config["region"] = settings.artifacts.s3_region
    section = {
        "compute_logs": {
            "module": "dagster_aws.s3.compute_log_manager",
            "class": "S3ComputeLogManager",
            "config": config,
        }
    }
    return f"{template.rstrip()}\n\n{yaml.safe_dump(section, sort_keys=False)}"


def _replace(file: Path, text: str) -> None:
    draft = file.with_name(f"{file.name}.new")
    draft.write_text(text)
    draft.replace(file)
