"""The index in Redis follows the ledger, whatever happens to Redis."""

from __future__ import annotations

import asyncio
import gc
import json
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import redis
from redis.asyncio import Redis as AsyncRedis

from codegen_platform.store import AgentRow, ReadyTask, Store
from codegen_platform.tasks.depths import queue_depths
from codegen_platform.tasks.index import TaskIndex
from tests.integration.ledger_rows import a_review
from tests.integration.listening import eventually, listening
from tests.integration.running_gateway import RunningGateway, running_gateway
from tests.integration.test_gateway_api import metric
from tests.integration.test_gateway_process import SECRET, environment, gateway_process

CLOSED = "redis://127.0.0.1:1/0"


@pytest.fixture
def index(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


@pytest.fixture
def gateway(database_url: str, redis_url: str) -> Iterator[RunningGateway]:
    with running_gateway(database_url, redis_url) as running:
        yield running


def ready_task(store: Store, priority: int = 3, **fields: object) -> str:
    number = int(time.monotonic_ns() % 1_000_000_000)
    task, created = store.tasks.create(a_review(uuid.uuid4().hex, number=number, priority=priority, **fields), "test")
    assert created
    return str(task.id)


def members(index: redis.Redis) -> dict[str, list[str]]:
    return {name: index.zrange(f"task_queue:{name}", 0, -1) for name in ("high", "medium", "low")}


def everything(index: redis.Redis) -> set[str]:
    return {member for queue in members(index).values() for member in queue}


def test_a_ready_task_is_in_the_queue_of_its_priority_by_the_time_it_became_ready(
    gateway: RunningGateway, index: redis.Redis
):
    ids = [ready_task(gateway.store, priority) for priority in (1, 2, 3, 4, 5)]
    assert eventually(lambda: len(everything(index)) == 5)
    assert members(index) == {"high": ids[:2], "medium": [ids[2]], "low": ids[3:]}
    task = gateway.store.queries.task(uuid.UUID(ids[2]))
    assert task is not None
    assert index.zscore("task_queue:medium", ids[2]) == task.queued_at.timestamp()


def test_a_task_leaves_its_queue_when_it_is_claimed_and_when_it_is_cancelled(
    gateway: RunningGateway, index: redis.Redis
):
    first, second = ready_task(gateway.store), ready_task(gateway.store)
    assert eventually(lambda: everything(index) == {first, second})
    assert gateway.store.tasks.claim(uuid.UUID(first), 1, "run-1", "worker", 60)
    assert eventually(lambda: everything(index) == {second})
    gateway.store.tasks.cancel(uuid.UUID(second), "test", "no longer wanted")
    assert eventually(lambda: everything(index) == set())


def test_a_task_that_waits_for_another_enters_its_queue_when_that_is_complete(
    gateway: RunningGateway, index: redis.Redis, database_url: str
):
    first = ready_task(gateway.store)
    second = ready_task(gateway.store, dependencies=[uuid.UUID(first)])
    assert eventually(lambda: first in everything(index))
    assert second not in everything(index)
    gateway.store.tasks.cancel(uuid.UUID(first), "test", "no longer wanted")
    assert eventually(lambda: everything(index) == set())


def test_a_task_that_is_tried_again_later_enters_its_queue_when_it_is_due(gateway: RunningGateway, index: redis.Redis):
    task_id = ready_task(gateway.store)
    row = gateway.store.tasks.claim(uuid.UUID(task_id), 1, "run-1", "worker", 60)
    assert row is not None
    retried = gateway.store.tasks.retry(row.id, row.fence, 2.0, "forge_unavailable", "GitHub is away", "worker")
    assert retried is not None
    assert eventually(lambda: everything(index) == set())
    assert eventually(lambda: everything(index) == {task_id}, within_seconds=8)
    assert datetime.now(UTC) >= retried.run_at
    assert index.zscore("task_queue:medium", task_id) == retried.run_at.timestamp()


def test_what_happened_before_the_first_gateway_started_is_in_the_index(
    database_url: str, redis_url: str, store: Store, index: redis.Redis
):
    waiting = {ready_task(store) for _ in range(3)}
    with running_gateway(database_url, redis_url):
        assert eventually(lambda: everything(index) == waiting)


def test_after_flushall_the_index_is_whole_again_within_ten_seconds_while_work_goes_on(
    gateway: RunningGateway, index: redis.Redis
):
    waiting = {ready_task(gateway.store) for _ in range(20)}
    assert eventually(lambda: everything(index) == waiting)
    index.flushall()
    flushed = time.monotonic()
    waiting.add(ready_task(gateway.store))
    claimed = waiting.pop()
    assert gateway.store.tasks.claim(uuid.UUID(claimed), 1, "run-1", "worker", 60)
    assert eventually(lambda: everything(index) == waiting, within_seconds=10)
    assert time.monotonic() - flushed < 10
    assert metric(gateway, "codegen_task_index_rebuilds_total") == 2


def test_what_somebody_else_changed_in_the_index_is_put_right(gateway: RunningGateway, index: redis.Redis):
    kept, taken = ready_task(gateway.store), ready_task(gateway.store)
    assert eventually(lambda: everything(index) == {kept, taken})
    with index.pipeline() as pipe:
        pipe.zrem("task_queue:medium", taken)
        pipe.zadd("task_queue:low", {str(uuid.uuid4()): 1.0})
        pipe.zadd("task_queue:medium", {kept: 1.0})
        pipe.execute()
    assert eventually(lambda: everything(index) == {kept, taken}, within_seconds=15)
    assert index.zscore("task_queue:medium", kept) != 1.0


def test_one_of_two_gateways_writes_the_index_and_the_other_follows_it_when_it_stops(
    database_url: str, redis_url: str, index: redis.Redis
):
    def writes(gateway: RunningGateway) -> float | None:
        return metric(gateway, "codegen_task_index_writer")

    with ExitStack() as first_stack, running_gateway(database_url, redis_url) as second:
        first = first_stack.enter_context(running_gateway(database_url, redis_url))
        assert eventually(lambda: [writes(first), writes(second)] == [0, 1])
        ready_task(first.store)
        assert eventually(lambda: len(everything(index)) == 1)
        assert metric(first, "codegen_task_updates_published_total") == 0
    with running_gateway(database_url, redis_url) as first:
        assert eventually(lambda: writes(first) == 1)
        with running_gateway(database_url, redis_url) as second:
            assert eventually(lambda: writes(second) == 0)
            with psycopg.connect(database_url, autocommit=True) as other:
                # What holds the lock loses its connection: as if its process had been killed.
                other.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted")
            ready_task(first.store)
            assert eventually(lambda: len(everything(index)) == 2)
            assert eventually(lambda: sorted([writes(first) or 0, writes(second) or 0]) == [0, 1])


def test_when_the_process_that_writes_is_killed_another_goes_on_within_ten_seconds_and_listeners_notice_nothing(
    database_url: str, redis_url: str, tmp_path: Path, index: redis.Redis
):
    variables = environment(
        tmp_path, CODEGEN_DATABASE_URL=database_url, CODEGEN_REDIS_URL=redis_url, GITHUB_WEBHOOK_SECRET=SECRET
    )
    with gateway_process(variables) as (writer, _):
        assert eventually(lambda: index.exists("task_index:epoch") == 1)
        with running_gateway(database_url, redis_url) as other, listening(other.url) as ear:
            waiting = [ready_task(other.store) for _ in range(5)]
            assert eventually(lambda: everything(index) == {*waiting})
            assert metric(other, "codegen_task_index_writer") == 0
            writer.kill()
            writer.wait()
            waiting.append(ready_task(other.store))
            assert eventually(lambda: everything(index) == {*waiting}, within_seconds=10)
            assert metric(other, "codegen_task_index_writer") == 1
            assert ear.hears(lambda events: len(events) >= 6)
            assert [event.data["task_id"] for event in ear.events] == waiting


def test_agents_and_their_sessions_are_shown(gateway: RunningGateway, index: redis.Redis):
    agent = gateway.store.agents.register("reviewer@host:8003", "reviewer", ["review_pull_request"], 4)
    assert eventually(lambda: index.exists(f"session:{agent.id}") == 1)
    shown = json.loads(index.hget("agent:status", "reviewer@host:8003") or "")
    assert {name: shown[name] for name in ("type", "status", "busy", "capacity", "capabilities")} == {
        "type": "reviewer",
        "status": "active",
        "busy": 0,
        "capacity": 4,
        "capabilities": ["review_pull_request"],
    }
    assert datetime.fromisoformat(shown["last_seen"]).tzinfo is not None
    assert 0 < index.ttl(f"session:{agent.id}") <= 20
    assert json.loads(index.get(f"session:{agent.id}") or "")["name"] == "reviewer@host:8003"


def test_the_depths_come_from_redis_while_the_index_is_kept_and_from_the_ledger_otherwise(
    database_url: str, redis_url: str, store: Store, index: redis.Redis
):
    ready_task(store, 1)
    ready_task(store, 2)
    ready_task(store, 5)

    def depths(url: str) -> tuple[str, dict[str, tuple[int, datetime | None]]]:
        async def ask() -> tuple[str, dict[str, tuple[int, datetime | None]]]:
            async with AsyncRedis.from_url(url) as client:
                found = await queue_depths(client, store)
                return found.source, {one.queue: (one.depth, one.oldest_ready_at) for one in found.queues}

        return asyncio.run(ask())

    source, from_ledger = depths(redis_url)
    assert source == "postgresql"
    assert [from_ledger[queue][0] for queue in ("high", "medium", "low")] == [2, 0, 1]
    assert depths(CLOSED) == ("postgresql", from_ledger)
    with running_gateway(database_url, redis_url):
        assert eventually(lambda: len(everything(index)) == 3)
        assert depths(redis_url) == ("redis", from_ledger)


def test_many_may_ask_for_the_queues_at_once(gateway: RunningGateway, index: redis.Redis):
    task_id = ready_task(gateway.store, 1)
    assert eventually(lambda: everything(index) == {task_id})
    with ThreadPoolExecutor(16) as pool:
        answers = [*pool.map(lambda _: gateway.client.get("/api/v1/queue").json(), range(64))]
    assert {answer["source"] for answer in answers} == {"redis"}
    assert all([one["depth"] for one in answer["queues"]] == [1, 0, 0] for answer in answers)


def test_readiness_and_metrics_say_how_the_index_and_the_queues_are(gateway: RunningGateway, index: redis.Redis):
    assert eventually(lambda: index.exists("task_index:epoch") == 1)
    ready_task(gateway.store, 1)
    assert eventually(lambda: len(everything(index)) == 1)
    assert gateway.client.get("/readyz").json()["index_behind_seconds"] == 0
    assert metric(gateway, "codegen_task_queue_depth", queue="high") == 1
    assert metric(gateway, "codegen_task_queue_depth", queue="low") == 0
    assert (metric(gateway, "codegen_task_queue_oldest_seconds", queue="high") or 0) > 0
    assert metric(gateway, "codegen_task_updates_published_total") == 1


def test_without_redis_readiness_says_what_that_means(database_url: str):
    with running_gateway(database_url, CLOSED) as gateway:
        ready = gateway.client.get("/readyz").json()
    assert (ready["status"], ready["index_behind_seconds"]) == ("degraded", None)
    assert "live updates come from PostgreSQL" in ready["notes"][0]


def test_a_hundred_thousand_tasks_are_indexed_within_ten_seconds_and_compared_without_holding_up_anybody(
    redis_url: str, index: redis.Redis
):
    begun = datetime(2026, 11, 25, tzinfo=UTC)
    ready = [
        ReadyTask(task_id=uuid.uuid4(), priority=1 + number % 5, ready_at=begun + timedelta(milliseconds=number))
        for number in range(100_000)
    ]

    held_up: list[float] = []

    async def feel() -> None:
        while True:
            before = time.process_time()  # what others take of the machine meanwhile does not count
            await asyncio.sleep(0)
            held_up.append(time.process_time() - before)

    async def work() -> tuple[float, int]:
        async with AsyncRedis.from_url(redis_url) as client:
            writer = TaskIndex(client, silent_seconds=20)
            started = time.monotonic()
            await writer.rebuild(ready, "1-1")
            seconds = time.monotonic() - started
            feeling = asyncio.create_task(feel())
            gc.disable()  # walks through all that the tests have imported, which is not the index's doing
            try:
                wrong = await writer.reconcile(ready)
            finally:
                gc.enable()
                feeling.cancel()
            return seconds, wrong

    seconds, wrong = asyncio.run(work())
    assert (seconds < 10, wrong) == (True, 0)
    assert max(held_up) < 0.06
    assert [index.zcard(f"task_queue:{queue}") for queue in ("high", "medium", "low")] == [40_000, 20_000, 40_000]


def test_an_agent_that_is_gone_is_shown_no_more(redis_url: str, index: redis.Redis):
    now = datetime.now(UTC)

    def agent(name: str, *, is_heard: bool = True) -> AgentRow:
        return AgentRow(
            id=uuid.uuid5(uuid.NAMESPACE_DNS, name),
            name=name,
            type="reviewer",
            capabilities=(),
            capacity=1,
            status="active",
            configuration={},
            created_at=now,
            started_at=now,
            last_seen=now,
            is_heard=is_heard,
        )

    async def work() -> None:
        async with AsyncRedis.from_url(redis_url) as client:
            writer = TaskIndex(client, silent_seconds=20)
            await writer.show_agents([agent("a"), agent("b")])
            await writer.show_agents([agent("a", is_heard=False)])

    asyncio.run(work())
    assert index.hkeys("agent:status") == ["a"]
    assert index.exists(f"session:{agent('a').id}") == 0
