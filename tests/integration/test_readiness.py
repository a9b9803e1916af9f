"""`/readyz` names hung parts, parts that are down and a full disk, and says what to do."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from codegen_platform.heartbeat import beat, heartbeats_of, mark_down
from codegen_platform.store import Store
from tests.chaos.small_disk import reason_against, small_disk
from tests.integration.running_gateway import RunningGateway, running_gateway


@pytest.fixture
def gateway(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[RunningGateway]:
    with running_gateway(database_url, redis_url, home=tmp_path) as running:
        yield running


def test_parts_that_show_signs_of_life_are_ready(gateway: RunningGateway, tmp_path: Path):
    for name in ("publisher", "supervisor"):
        beat(heartbeats_of(tmp_path) / name)
    ready = gateway.client.get("/readyz").json()
    assert (ready["status"], ready["degraded"]) == ("ready", [])
    assert set(ready["silent_seconds"]) == {"publisher", "supervisor"}


@pytest.mark.parametrize(
    ("name", "advice"), [("daemon", "`up` will kill and restart it"), ("supervisor", "nothing is restarted")]
)
def test_a_hung_part_is_named_with_its_age_and_the_consequence(
    gateway: RunningGateway, tmp_path: Path, name: str, advice: str
):
    beat(heartbeats_of(tmp_path) / name)
    os.utime(heartbeats_of(tmp_path) / name, (time.monotonic() - 40,) * 2)
    answer = gateway.client.get("/readyz")
    ready = answer.json()
    assert (answer.status_code, ready["status"], ready["degraded"]) == (200, "degraded", [name])
    (note,) = [note for note in ready["notes"] if "no heartbeat" in note]
    assert advice in note
    assert "for 40 s" in note or "for 41 s" in note


def test_a_part_that_does_not_run_is_named(gateway: RunningGateway, tmp_path: Path):
    mark_down(heartbeats_of(tmp_path) / "workers")
    ready = gateway.client.get("/readyz").json()
    assert (ready["status"], ready["degraded"], ready["silent_seconds"]) == ("degraded", ["workers"], {"workers": None})
    assert any(note.startswith("workers is not running") for note in ready["notes"])


@pytest.mark.skipif(bool(reason_against()), reason=reason_against())
def test_a_full_disk_is_named_and_so_is_its_end(database_url: str, redis_url: str, tmp_path: Path):
    home = tmp_path / "home"
    with small_disk(home) as disk, running_gateway(database_url, redis_url, home=home) as gateway:
        disk.fill()
        ready = gateway.client.get("/readyz").json()
        assert (ready["status"], ready["degraded"], ready["checks"]["disk"]) == ("degraded", ["disk"], "down")
        assert any("free some space" in note for note in ready["notes"])
        disk.make_room()
        assert gateway.client.get("/readyz").json()["status"] == "ready"


def test_a_database_that_cannot_commit_is_distinguished_from_one_that_is_away(empty_database_url: str):
    emit = "FUNCTION pg_logical_emit_message(boolean, text, text, boolean)"
    with psycopg.connect(empty_database_url, autocommit=True) as admin:
        admin.execute(f"REVOKE EXECUTE ON {emit} FROM PUBLIC")
        admin.execute("CREATE ROLE reader LOGIN PASSWORD 'reads'")
        try:
            parts = urlsplit(empty_database_url)
            reader = parts._replace(netloc=f"reader:reads@{parts.hostname}:{parts.port}").geturl()
            with Store.open(empty_database_url) as writing, Store.open(reader) as reading:
                assert writing.commits()
                assert not reading.commits()
        finally:
            admin.execute("DROP ROLE reader")
