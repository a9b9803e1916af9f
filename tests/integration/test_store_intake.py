"""The gateway's way in: many deliveries at once, each durable before it is acknowledged, none lost to another."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest

from codegen_platform.errors import StoreUnavailable
from codegen_platform.store import AsyncIntake, Recorded, Store, Unstorable
from codegen_platform.store.commands.batches import BatchWriter
from codegen_platform.store.commands.recording import Delivery
from tests.integration.ledger_rows import delivered

TOO_LONG_FOR_AN_INDEX = random.Random(1).randbytes(5_000).hex()


@asynccontextmanager
async def running(database_url: str, connections: int = 2) -> AsyncIterator[AsyncIntake]:
    intake = AsyncIntake(database_url, connections)
    await intake.start()
    try:
        yield intake
    finally:
        await intake.close()


def with_intake(database_url: str, work: Callable[[AsyncIntake], Coroutine[Any, Any, Any]]) -> Any:
    async def run() -> Any:
        async with running(database_url) as intake:
            return await work(intake)

    return asyncio.run(run())


def test_many_deliveries_at_once_are_each_stored_once(database_url: str, store: Store) -> None:
    async def send(intake: AsyncIntake) -> list[Recorded]:
        return await asyncio.gather(*(intake.record(f"d{i}", "push", b"%d" % i, {"n": str(i)}) for i in range(500)))

    answers = with_intake(database_url, send)
    assert all(answer.created for answer in answers)
    stored = {event.delivery_id: event for event in store.events.unprocessed(1_000)}
    assert len(stored) == 500
    assert stored["d7"].body == b"7"
    assert stored["d7"].headers == {"n": "7"}
    assert {answer.id for answer in answers} == {event.id for event in stored.values()}


def test_a_delivery_and_its_repeats_in_one_batch_are_one_event(database_url: str, store: Store) -> None:
    async def send(intake: AsyncIntake) -> list[Recorded]:
        same_id = [intake.record("d0", "push", b"zero", {}) for _ in range(5)]
        same_body = [intake.record(f"replay{i}", "push", b"zero", {}) for i in range(5)]
        other = [intake.record(f"d{i}", "push", b"%d" % i, {}) for i in range(1, 20)]
        return await asyncio.gather(*same_id, *same_body, *other)

    answers = with_intake(database_url, send)
    assert len({answer.id for answer in answers[:10]}) == 1
    assert sum(answer.created for answer in answers[:10]) == 1
    assert sum(answer.created for answer in answers) == len(delivered(store)) == 20


def test_a_known_delivery_is_found_again(database_url: str, store: Store) -> None:
    first = store.events.record("d1", "push", b"one", {})

    async def send(intake: AsyncIntake) -> tuple[Recorded, Recorded, Recorded]:
        again = await intake.record("d1", "push", b"one", {})
        replayed = await intake.record("d2", "push", b"one", {})
        forged = await intake.record("d1", "push", b"two", {})
        return again, replayed, forged

    again, replayed, forged = with_intake(database_url, send)
    assert {again.id, replayed.id, forged.id} == {first.id}
    assert not any(answer.created for answer in (again, replayed, forged))
    assert (again.same_body, replayed.same_body, forged.same_body) == (True, True, False)


def test_a_delivery_that_cannot_be_stored_costs_only_itself(database_url: str, store: Store) -> None:
    async def send(intake: AsyncIntake) -> list[Recorded | BaseException]:
        good = [intake.record(f"d{i}", "push", b"%d" % i, {}) for i in range(40)]
        bad = intake.record(TOO_LONG_FOR_AN_INDEX, "push", b"bad", {})
        return await asyncio.gather(*good[:20], bad, *good[20:], return_exceptions=True)

    answers = with_intake(database_url, send)
    assert isinstance(answers[20], Unstorable)
    assert sum(isinstance(answer, Recorded) and answer.created for answer in answers) == 40
    assert len(delivered(store)) == 40


def test_a_NUL_in_a_header_is_stored_in_readable_form(database_url: str, store: Store) -> None:
    with_intake(database_url, lambda intake: intake.record("d\0", "pu\0sh", b"one", {"X-Odd": "a\0b"}))
    (stored,) = store.events.unprocessed(5)
    assert (stored.delivery_id, stored.event_type, stored.headers) == ("d\ufffd", "pu\ufffdsh", {"X-Odd": "a\ufffdb"})


def test_who_waits_for_events_is_woken(database_url: str, store: Store) -> None:
    with store.listen("events", "tasks") as listener:
        with_intake(database_url, lambda intake: intake.record("d1", "push", b"one", {}))
        assert listener.wait(10) == {"events"}
        with_intake(database_url, lambda intake: intake.record("d1", "push", b"one", {}))
        store.tasks.supersede_change("octo/repo", 1, "test", "nothing to do")
        assert listener.wait(0.05) == set(), "a known delivery wakes nobody"


def test_a_connection_that_died_while_idle_costs_nothing(database_url: str, store: Store) -> None:
    async def send(intake: AsyncIntake) -> Recorded:
        await asyncio.gather(*(intake.record(f"before{i}", "push", b"%d" % i, {}) for i in range(50)))
        with psycopg.connect(database_url, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        return await intake.record("after", "push", b"after", {})

    assert with_intake(database_url, send).created


def test_without_a_server_the_answer_is_an_error_and_later_deliveries_are_stored(
    postgres_url: str, database_url: str, store: Store
) -> None:
    async def send() -> None:
        async with running("postgresql://postgres@127.0.0.1:1/nowhere") as intake:
            with pytest.raises(StoreUnavailable):
                await asyncio.wait_for(intake.record("d1", "push", b"one", {}), 10)

    asyncio.run(send())
    assert delivered(store) == []


def test_a_write_repeated_after_a_lost_answer_is_still_the_one_that_created_the_event(database_url: str) -> None:
    delivery = Delivery.of("d1", "push", b"one", {}, "github")

    async def write_twice() -> tuple[object, object]:
        writer = BatchWriter(database_url)
        (first,), (second,) = await writer.write([delivery]), await writer.write([delivery])
        await writer.close()
        return first, second

    first, second = asyncio.run(write_twice())
    assert first == second == Recorded(id=delivery.id, created=True)


def test_a_sender_that_hangs_up_loses_nothing(database_url: str, store: Store) -> None:
    async def hang_up(intake: AsyncIntake) -> None:
        sender = asyncio.create_task(intake.record("d1", "push", b"one", {}))
        await asyncio.sleep(0)
        sender.cancel()
        await intake.record("d2", "push", b"two", {})

    with_intake(database_url, hang_up)
    assert {event.delivery_id for event in delivered(store)} == {"d1", "d2"}


def test_closing_writes_what_has_arrived_and_then_refuses(database_url: str, store: Store) -> None:
    async def close_early() -> None:
        intake = AsyncIntake(database_url)
        await intake.start()
        senders = [asyncio.create_task(intake.record(f"d{i}", "push", b"%d" % i, {})) for i in range(100)]
        await asyncio.sleep(0)
        await intake.close()
        assert all(recorded.created for recorded in await asyncio.gather(*senders))
        with pytest.raises(StoreUnavailable):
            await intake.record("late", "push", b"late", {})

    asyncio.run(close_early())
    assert len(delivered(store)) == 100


def test_a_body_that_came_under_another_events_name_is_stored_in_a_batch_too(database_url: str, store: Store) -> None:
    async def send(intake: AsyncIntake) -> list[Recorded]:
        names = ("nonsense", "pull_request", "pull_request", "issues")
        body = b'{"number": 7, "pull_request": {}, "repository": {}}'
        return await asyncio.gather(*(intake.record("d1", name, body, {}) for name in names))

    answers = with_intake(database_url, send)
    assert sum(answer.created for answer in answers) == 2
    assert [event.event_type for event in delivered(store)].count("pull_request") == 1
