"""The bench's listeners hear what any listener to the stream hears, each update once."""

from __future__ import annotations

import itertools

from bench.backlog import ACTOR, a_task
from bench.listening import listen
from codegen_platform.store import Store
from tests.integration.running_gateway import running_gateway


def test_every_listener_hears_of_every_update(store: Store, database_url: str, redis_url: str) -> None:
    numbers = itertools.count(1)

    def cause() -> str:
        return str(store.tasks.create(a_task("octo/heard", next(numbers)), ACTOR)[0].id)

    with running_gateway(database_url, redis_url) as gateway:
        heard = listen(gateway.port, 20, updates=3, every_seconds=0.05, cause=cause, memory=lambda: 1.5)
    assert (len(heard.seconds), heard.missing, heard.left, heard.memory_mib) == (60, 0, 0, 1.5)
    assert all(0 <= seconds < 20 for seconds in heard.seconds)
