"""The index in Redis of what is ready, who is there, and what just happened. It is made from the ledger and decides nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count, islice
from typing import Any, Literal, TypeAlias, TypeVar, get_args
from uuid import UUID, uuid4

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from codegen_platform.store import AgentRow, ReadyTask, TaskUpdate
from codegen_platform.tasks.updates import as_json

T = TypeVar("T")
Queue: TypeAlias = Literal["high", "medium", "low"]
QUEUES: tuple[Queue, ...] = get_args(Queue)

CHANNEL = "task_updates"
AGENTS = "agent:status"
EPOCH = "task_index:epoch"
"""There while a writer keeps the index; gone when Redis lost its content, or the writer stopped.

It is part of whatever is published too: a channel does not stop at the number of a Redis database, so other platforms are heard as well.
"""
POSITION = "task_index:position"
"""The position of the newest update that the queues contain."""

EPOCH_SECONDS = 15
CHUNK = 5_000
"""Entries in one command: so that Redis, and this process, do something else in between."""
CHUNK_READ = 1_000
"""Entries in one answer, for the same reason: to take one apart costs several times what it costs to write one."""


def queue_of(priority: int) -> Queue:
    """Return the queue of a priority: 1 and 2 are high, 3 is medium, 4 and 5 are low."""
    return "high" if priority <= 2 else "medium" if priority == 3 else "low"


def key_of(queue: Queue) -> str:
    """Return the key of a queue: a sorted set of task ids by the unix time at which they became ready."""
    return f"task_queue:{queue}"


class TaskIndex:
    """Writes the index. There is one writer at a time; every method raises RedisError if Redis does not take it.

    Args:
        silent_seconds: an agent that was not heard of for so long counts as lost; its session expires then.
    """

    def __init__(self, redis: Redis, *, silent_seconds: float) -> None:
        self._redis = redis
        self._silent = timedelta(seconds=silent_seconds)
        self._epoch = ""
        self._shown: dict[str, AgentRow] = {}

    async def is_whole(self) -> bool:
        """Return whether Redis still has what was written, and say that the index is kept."""
        found = await self._redis.getex(EPOCH, ex=EPOCH_SECONDS)
        return found == self._epoch.encode("ascii")

    async def rebuild(self, ready: Iterable[ReadyTask], position: str) -> None:
        """Make the queues anew from all ready tasks; readers see the old ones, then the new ones.

        Args:
            position: everything up to it is contained in `ready`. Who listens is told, and reads what it missed from the ledger.
        """
        building = {queue: f"task_index:building:{queue}" for queue in QUEUES}
        await self._redis.delete(*building.values())
        filled = set()
        for queue, chunk in _chunks(ready):
            filled.add(queue)
            await self._redis.zadd(building[queue], chunk)
        self._epoch, self._shown = uuid4().hex, {}
        async with self._redis.pipeline(transaction=True) as pipe:
            for queue in QUEUES:
                if queue in filled:
                    pipe.rename(building[queue], key_of(queue))
                else:
                    pipe.delete(key_of(queue))
            pipe.set(POSITION, position)
            pipe.set(EPOCH, self._epoch, ex=EPOCH_SECONDS)
            pipe.publish(CHANNEL, json.dumps({"epoch": self._epoch, "previous": position}))
            await pipe.execute()

    async def apply(self, updates: Sequence[TaskUpdate], ready: Iterable[ReadyTask], *, previous: str) -> None:
        """Bring the queues up to the last of `updates` and publish each of them, in one transaction.

        Args:
            ready: those of the updated tasks that are ready now; the others leave the queues.
            previous: the position after which `updates` begin, so that a listener sees whether it missed some.
        """
        async with self._redis.pipeline(transaction=True) as pipe:
            _put(pipe, {update.task_id for update in updates}, ready)
            pipe.set(POSITION, updates[-1].position)
            for update in updates:
                told = {"epoch": self._epoch, "previous": previous, "update": as_json(update)}
                pipe.publish(CHANNEL, json.dumps(told))
                previous = update.position
            await pipe.execute()

    async def add(self, ready: Sequence[ReadyTask]) -> None:
        """Add tasks that became ready because time passed."""
        if ready:
            async with self._redis.pipeline(transaction=True) as pipe:
                _put(pipe, set(), ready)
                await pipe.execute()

    async def reconcile(self, ready: Iterable[ReadyTask]) -> int:
        """Make the queues hold exactly `ready` and return how many entries were not as they should be."""
        wanted: dict[Queue, dict[bytes, float]] = {queue: {} for queue in QUEUES}
        for part in _parts(ready):
            for task in part:
                wanted[queue_of(task.priority)][str(task.task_id).encode()] = task.ready_at.timestamp()
            await asyncio.sleep(0)
        wrong = 0
        for queue, scores in wanted.items():
            wrong += await self._put_right(key_of(queue), scores)
        self._shown = {}
        return wrong

    async def _put_right(self, key: str, scores: Mapping[bytes, float]) -> int:
        missing, excess = dict(scores), []
        async for member, score in self._entries(key):
            if missing.get(member) == score:
                del missing[member]
            elif member not in scores:
                excess.append(member)
        for chunk in _parts(missing.items()):
            await self._redis.zadd(key, dict(chunk))
        for part in _parts(excess):
            await self._redis.zrem(key, *part)
        return len(missing) + len(excess)

    async def _entries(self, key: str) -> AsyncIterator[tuple[bytes, float]]:
        for start in count(0, CHUNK_READ):
            entries: Any = await self._redis.zrange(key, start, start + CHUNK_READ - 1, withscores=True)
            for member, score in entries:
                yield member, score
            if len(entries) < CHUNK_READ:
                return

    async def show_agents(self, agents: Sequence[AgentRow]) -> None:
        """Show every agent as it is, and a session for each that is heard, which ends by itself when it falls silent."""
        now = {agent.name: agent for agent in agents}
        changed = [agent for agent in agents if self._shown.get(agent.name) != agent]
        async with self._redis.pipeline(transaction=True) as pipe:
            if not self._shown:
                pipe.delete(AGENTS)
            elif gone := [name for name in self._shown if name not in now]:
                pipe.hdel(AGENTS, *gone)
            for agent in changed:
                pipe.hset(AGENTS, agent.name, json.dumps(_agent(agent)))
                if agent.is_heard:
                    pipe.set(_session_key(agent.id), json.dumps(_session(agent)), pxat=agent.last_seen + self._silent)
                else:
                    pipe.delete(_session_key(agent.id))
            await pipe.execute()
        self._shown = now


def _put(pipe: Pipeline, touched: set[UUID], ready: Iterable[ReadyTask]) -> None:
    """Take `touched` out of all queues and put `ready` into theirs."""
    entries: dict[Queue, dict[str, float]] = {queue: {} for queue in QUEUES}
    for task in ready:
        entries[queue_of(task.priority)][str(task.task_id)] = task.ready_at.timestamp()
    for queue, scores in entries.items():
        if leaving := [str(task_id) for task_id in touched if str(task_id) not in scores]:
            pipe.zrem(key_of(queue), *leaving)
        if scores:
            pipe.zadd(key_of(queue), scores)


def _chunks(ready: Iterable[ReadyTask]) -> Iterator[tuple[Queue, Mapping[str, float]]]:
    for part in _parts(ready):
        entries: dict[Queue, dict[str, float]] = {}
        for task in part:
            entries.setdefault(queue_of(task.priority), {})[str(task.task_id)] = task.ready_at.timestamp()
        yield from entries.items()


def _parts(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while part := [*islice(iterator, CHUNK)]:
        yield part


def _session_key(agent_id: UUID) -> str:
    return f"session:{agent_id}"


def _agent(agent: AgentRow) -> Mapping[str, object]:
    return {
        "type": agent.type,
        "status": agent.status,
        "busy": agent.busy,
        "capacity": agent.capacity,
        "capabilities": [*agent.capabilities],
        "last_seen": _time(agent.last_seen),
    }


def _session(agent: AgentRow) -> Mapping[str, object]:
    return {"name": agent.name, "started_at": _time(agent.started_at), "last_seen": _time(agent.last_seen)}


def _time(at: datetime) -> str:
    return at.isoformat()
