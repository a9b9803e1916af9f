"""Each line of the web server's log is one JSON object where that is asked for, also what its libraries write."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx

from codegen_platform.local import ports
from codegen_platform.local.probes import answers_http
from codegen_platform.settings.schema import CHECKOUT
from tests.integration.listening import eventually

BROKEN = "/download_debug/00000000-0000-0000-0000-000000000000"
"""Dagster answers 500 here for a run that there is not, and its server logs the traceback."""


def test_every_line_of_the_web_server_is_json_also_a_traceback_and_a_location_that_does_not_load(
    tmp_path: Path,
) -> None:
    port = ports.choose()
    workspace = tmp_path / "workspace.yaml"
    workspace.write_text(f"load_from:\n  - grpc_server: {{socket: {tmp_path}/nobody.sock, location_name: absent}}\n")
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")  # else Dagster says in prose that it is on
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {"DAGSTER_HOME": str(tmp_path), "CODEGEN_HOME": str(tmp_path), "CODEGEN_LOGGING__FORMAT": "json"}
    where = ("-w", str(workspace), "-h", ports.LOOPBACK, "-p", str(port))
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            (sys.executable, "-P", str(CHECKOUT / "resources" / "webserver.py"), *where),
            env=environment | {"PYTHONPATH": str(CHECKOUT)},
            stdout=log,
            stderr=log,
        )
        try:
            assert eventually(answers_http(ports.LOOPBACK, port, "/server_info"), within_seconds=120)
            assert httpx.get(f"http://{ports.LOOPBACK}:{port}{BROKEN}").status_code == 500
        finally:
            server.terminate()
            server.wait(timeout=60)

    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    said = [f"{line['event']} {line.get('raised', '')}" for line in lines]
    assert any("ASGI" in line and "/uvicorn/" in line for line in said), said
    assert any("absent" in line for line in said), said
