"""Listeners to task updates get each of them once and in order, whatever happens between them and the ledger."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
import redis

from codegen_platform.gateway import connections, listeners, stream
from codegen_platform.local.valkey import EmbeddedValkey
from codegen_platform.store import Store, migrate
from tests.integration.ledger_rows import a_review
from tests.integration.listening import STREAM, eventually, listening, many_ears
from tests.integration.running_gateway import RunningGateway, running_gateway
from tests.integration.test_gateway_api import metric

CLOSED = "redis://127.0.0.1:1/0"
RUN_ID = "0198c3d2-7a51-7c1e-9d0b-3f6f2f6b8a11"


@pytest.fixture
def gateway(database_url: str, redis_url: str) -> Iterator[RunningGateway]:
    with running_gateway(database_url, redis_url) as running:
        yield running


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path / "redis", durable=False) as server:
        yield server


def created(store: Store, **fields: Any) -> uuid.UUID:
    number = int(time.monotonic_ns() % 1_000_000_000)
    return store.tasks.create(a_review(uuid.uuid4().hex, **{"number": number, **fields}), "test")[0].id


def all_positions(store: Store) -> list[str]:
    """What every listener since the beginning has to have heard."""
    positions: list[str] = []
    while page := store.queries.feed(positions[-1] if positions else None, limit=500):
        positions += [update.position for update in page]
    return positions


@contextmanager
def work_going_on(store: Store) -> Iterator[None]:
    """Tasks are created and cancelled by two writers at once until the end of the block."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            store.tasks.cancel(created(store), "test", "no longer wanted")
            time.sleep(0.01)

    writers = [threading.Thread(target=work) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        yield
    finally:
        stop.set()
        for writer in writers:
            writer.join(30)


def test_an_update_is_an_event_with_its_position_its_type_and_the_task_as_it_stands(gateway: RunningGateway):
    with listening(gateway.url) as ear:
        task_id = created(gateway.store, priority=2)
        gateway.store.tasks.cancel(task_id, "somebody", "no longer wanted")
        assert ear.hears(lambda events: len(events) == 2)
    assert [event.type for event in ear.events] == ["created", "cancelled"]
    last = ear.events[-1]
    assert last.id == last.data["position"] == all_positions(gateway.store)[-1]
    assert {name: last.data[name] for name in ("task_id", "sequence", "actor", "status", "priority", "repository")} == {
        "task_id": str(task_id),
        "sequence": 2,
        "actor": "somebody",
        "status": "cancelled",
        "priority": 2,
        "repository": "octo/repo",
    }


def test_an_update_arrives_within_a_fraction_of_a_second(gateway: RunningGateway):
    with listening(gateway.url) as ear:
        for _ in range(20):
            created(gateway.store)
            time.sleep(0.02)
        assert ear.hears(lambda events: len(events) == 20)
    delays = sorted(
        event.at - update.at.timestamp()
        for event, update in zip(ear.events, gateway.store.queries.feed(None, limit=100), strict=True)
    )
    assert delays[10] < 0.5


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({"repository": "octo/other"}, 1),
        ({"kind": "generate_change"}, 1),
        ({"status": "cancelled"}, 1),
        ({"status": "failed"}, 0),
        ({"kind": "review_pull_request"}, 3),
        ({"number": "1000000007"}, 1),
        ({"workflow_run_id": RUN_ID}, 1),
        ({"workflow_run_id": RUN_ID, "number": "7"}, 0),
        ({"repository": "octo/other", "number": "1000000007", "status": "pending"}, 1),
    ],
)
def test_a_listener_hears_only_what_it_asked_for(gateway: RunningGateway, wanted: dict[str, str], count: int):
    with listening(gateway.url, **wanted) as ear, listening(gateway.url) as other:
        created(gateway.store, repository="octo/other", number=1_000_000_007)
        created(gateway.store, kind="generate_change", workflow_run_id=uuid.UUID(RUN_ID))
        gateway.store.tasks.cancel(created(gateway.store), "test", "no longer wanted")
        assert other.hears(lambda events: len(events) == 4)
        assert ear.hears(lambda events: len(events) == count)
        last_id = other.last_id
    with listening(gateway.url, after="0-0", **wanted) as again:
        assert eventually(lambda: again.last_id == last_id or len(again.events) == count)
        assert again.positions() == ear.positions(), "what is resumed is what would have been heard"


def test_a_listener_to_one_task_hears_nothing_of_others(gateway: RunningGateway):
    task_id = created(gateway.store)
    assert eventually(lambda: gateway.live.listeners.position == gateway.store.queries.feed_end())
    with listening(gateway.url, task_id=str(task_id)) as ear:
        created(gateway.store)
        gateway.store.tasks.cancel(task_id, "test", "no longer wanted")
        assert ear.hears(lambda events: len(events) == 1)
    assert ear.events[0].data["task_id"] == str(task_id)


@pytest.mark.parametrize("in_header", [True, False])
def test_who_comes_again_hears_what_it_missed_and_then_what_happens(gateway: RunningGateway, in_header: bool):
    with listening(gateway.url) as ear:
        created(gateway.store)
        assert ear.hears(lambda events: len(events) == 1)
    heard = ear.last_id
    for _ in range(3):
        created(gateway.store)
    position = {"last_event_id" if in_header else "after": heard}
    with listening(gateway.url, **position) as again:
        assert again.hears(lambda events: len(events) == 3)
        created(gateway.store)
        assert again.hears(lambda events: len(events) == 4)
    assert ear.positions() + again.positions() == all_positions(gateway.store)


def test_an_empty_last_event_id_is_none(gateway: RunningGateway):
    task_id = created(gateway.store)
    answer = gateway.client.get(STREAM, headers={"last-event-id": ""}, params={"seconds": "2", "after": "0-0"})
    assert (answer.status_code, str(task_id) in answer.text) == (200, True)


def test_listeners_that_come_again_and_again_miss_nothing_and_hear_nothing_twice(gateway: RunningGateway):
    heard: list[str] = []
    after = gateway.store.queries.feed_end()
    with work_going_on(gateway.store):
        for _ in range(10):
            with listening(gateway.url, after=after) as ear:
                assert ear.hears(lambda events: len(events) >= 5)
            heard += ear.positions()
            after = heard[-1]
    with listening(gateway.url, after=after) as ear:
        assert eventually(lambda: heard + ear.positions() == all_positions(gateway.store))


@pytest.mark.parametrize("position", ["x", "1", "-1", "1-", "01-1", "1-1-1", "9" * 40 + "-1", "１-１", "1 -1"])
def test_what_is_no_position_is_refused_without_an_echo(gateway: RunningGateway, position: str):
    answer = gateway.client.get(STREAM, params={"after": position})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_position")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.text == gateway.client.get(STREAM, params={"after": "other"}).text


def test_a_position_beyond_the_ledger_is_gone(gateway: RunningGateway):
    answer = gateway.client.get(STREAM, headers={"last-event-id": "99999999999-1"})
    assert (answer.status_code, answer.json()["code"]) == (410, "position_unknown")


@pytest.mark.parametrize(
    "wrong", [{"status": "asleep"}, {"task_id": "canary-7f3a"}, {"number": "0"}, {"seconds": "nan"}, {"seconds": "-1"}]
)
def test_a_filter_that_cannot_be_is_refused(gateway: RunningGateway, wrong: dict[str, str]):
    answer = gateway.client.get(STREAM, params=wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_the_stream_is_for_programs_of_this_machine(gateway: RunningGateway):
    assert gateway.client.get(STREAM, headers={"Host": "evil.example"}).status_code == 403


def test_a_script_can_listen_for_a_while(gateway: RunningGateway):
    task_id = created(gateway.store)
    started = time.monotonic()
    answer = gateway.client.get(STREAM, params={"after": "0-0", "seconds": "0.5"})
    assert time.monotonic() - started < 60
    assert f'"task_id":"{task_id}"' in answer.text


def test_a_quiet_stream_says_that_it_lives_and_where_it_is(gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stream, "QUIET_SECONDS", 0.1)
    with listening(gateway.url, repository="octo/other") as ear:
        created(gateway.store)
        assert eventually(lambda: ear.comments > 2)
        assert eventually(lambda: ear.last_id == all_positions(gateway.store)[-1])
    assert ear.events == []


def test_redis_is_killed_and_comes_back_and_no_listener_misses_or_repeats_an_update(
    database_url: str, valkey: EmbeddedValkey
):
    with (
        running_gateway(database_url, valkey.url) as gateway,
        listening(gateway.url) as one,
        listening(gateway.url) as two,
    ):
        with work_going_on(gateway.store):
            assert one.hears(lambda events: len(events) > 20)
            assert valkey.pid is not None
            os.kill(valkey.pid, signal.SIGKILL)
            valkey.wait(10)
            valkey.stop()
            assert eventually(lambda: gateway.client.get("/readyz").json()["status"] == "degraded")
            heard = len(one.events)
            assert one.hears(lambda events: len(events) > heard + 20), "polling goes on without Redis"
            valkey.start()
            published = metric(gateway, "codegen_task_updates_published_total") or 0
            assert eventually(lambda: (metric(gateway, "codegen_task_updates_published_total") or 0) > published + 20)
        everything = all_positions(gateway.store)
        assert eventually(lambda: one.positions() == everything == two.positions())
        with redis.Redis.from_url(valkey.url) as client:
            assert eventually(lambda: client.exists("task_index:epoch") == 1)


def test_flushall_and_a_change_of_the_writer_cost_no_listener_an_update(database_url: str, redis_url: str):
    with (
        running_gateway(database_url, redis_url) as one,
        running_gateway(database_url, redis_url) as other,
        listening(one.url) as first,
        listening(other.url) as second,
    ):
        with work_going_on(one.store), redis.Redis.from_url(redis_url) as client:
            assert first.hears(lambda events: len(events) > 20)
            client.flushall()
            client.publish("task_updates", b"not what a writer says")
            client.publish("task_updates", b'{"epoch": "", "previous": 7}')
            client.publish("task_updates", b"[" * 100_000)
            assert eventually(lambda: client.exists("task_index:epoch") == 1)
            with psycopg.connect(database_url, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
                )
            heard = len(second.events)
            assert second.hears(lambda events: len(events) > heard + 50)
        assert eventually(lambda: first.positions() == second.positions() == all_positions(one.store))


def test_two_platforms_on_one_redis_server_do_not_hear_each_other(
    database_url: str, empty_database_url: str, redis_url: str
):
    migrate(empty_database_url)
    another_database = urlsplit(redis_url)._replace(path="/1").geturl()
    with (
        running_gateway(database_url, redis_url) as one,
        running_gateway(empty_database_url, another_database) as other,
        listening(one.url) as first,
        listening(other.url) as second,
    ):
        with work_going_on(one.store), work_going_on(other.store):
            assert first.hears(lambda events: len(events) > 100)
            assert second.hears(lambda events: len(events) > 100)
        assert eventually(lambda: first.positions() == all_positions(one.store))
        assert eventually(lambda: second.positions() == all_positions(other.store))


def test_without_redis_updates_are_polled(database_url: str):
    with running_gateway(database_url, CLOSED) as gateway, listening(gateway.url) as ear:
        created(gateway.store)
        assert ear.hears(lambda events: len(events) == 1, within_seconds=5)


def test_a_thousand_listeners_hear_everything(gateway: RunningGateway):
    async def listen_and_work() -> list[bytes]:
        ears = await many_ears(gateway.host, gateway.port, 1_000)
        assert await asyncio.to_thread(metric, gateway, "codegen_stream_listeners") == 1_000
        ids = await asyncio.gather(*(asyncio.to_thread(created, gateway.store) for _ in range(10)))

        async def last_of(reader: asyncio.StreamReader) -> bytes:
            text = b""
            while text.count(b"\nevent: created\n") < len(ids):
                text += await reader.read(65536)
            return text

        async with asyncio.timeout(60):
            texts = await asyncio.gather(*(last_of(reader) for reader, _ in ears))
        for _, writer in ears:
            writer.close()
        return texts

    texts = asyncio.run(listen_and_work())
    positions = all_positions(gateway.store)
    for text in texts:
        places = [text.index(b"id: " + position.encode() + b"\n") for position in positions]
        assert places == sorted(places)
    assert eventually(lambda: metric(gateway, "codegen_stream_listeners") == 0), "who left is forgotten"


def deaf(gateway: RunningGateway) -> socket.socket:
    """A listener that reads the beginning of its stream and then nothing."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((gateway.host, gateway.port))
    connection.sendall(f"GET {STREAM} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert b"200 OK" in connection.recv(200)
    return connection


def test_a_listener_that_does_not_read_is_told_so_and_holds_up_nobody(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(listeners, "WAITING_UPDATES", 20)
    monkeypatch.setattr(connections, "SEND_BUFFER_BYTES", 4096)
    with listening(gateway.url) as ear, deaf(gateway) as slow:
        with work_going_on(gateway.store):
            assert eventually(lambda: metric(gateway, "codegen_stream_listeners") == 2)
            assert eventually(lambda: any(one.lags for one in listeners_of(gateway)), within_seconds=60)
        slow.settimeout(20)
        text = b""
        while chunk := slow.recv(65536):
            text += chunk
            if b"event: lagging" in text:
                break
        assert b"event: lagging" in text
        assert eventually(lambda: ear.positions() == all_positions(gateway.store))


def listeners_of(gateway: RunningGateway) -> list[listeners.Listener]:
    return [*gateway.live.listeners]


def test_a_listener_that_never_reads_again_loses_its_connection(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(listeners, "WAITING_UPDATES", 20)
    monkeypatch.setattr(connections, "SEND_BUFFER_BYTES", 4096)
    monkeypatch.setattr(connections, "UNREAD_SECONDS", 0.5)
    with deaf(gateway), work_going_on(gateway.store):
        assert eventually(lambda: metric(gateway, "codegen_stream_listeners") == 1)
        assert eventually(lambda: metric(gateway, "codegen_stream_listeners") == 0, within_seconds=60)


def test_a_gateway_that_stops_ends_its_streams_at_once(database_url: str, redis_url: str):
    with running_gateway(database_url, redis_url) as gateway:
        entered = listening(gateway.url)
        ear = entered.__enter__()
        stopping = time.monotonic()
    assert time.monotonic() - stopping < 60
    assert eventually(lambda: ear.has_ended)
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"{gateway.url}/healthz", trust_env=False)
    entered.__exit__(None, None, None)
