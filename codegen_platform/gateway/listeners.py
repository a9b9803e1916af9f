"""Who listens to task updates in this process: each update is serialised once, and nobody waits for a slow listener."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from codegen_platform.store import Json
from codegen_platform.tasks.updates import Place, place_of

WAITING_UPDATES = 256
"""Updates that may wait for one listener: about 100 kB. A slower one is told so and comes again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """One update, ready to be sent, and what it is chosen by."""

    position: str
    place: Place
    task_id: str
    repository: str
    number: int | None
    kind: str
    workflow_run_id: str | None
    status: str
    data: bytes


def frame_of(update: Mapping[str, Json]) -> Frame:
    """Return the frame of an update that `as_json` made."""
    position, event = str(update["position"]), str(update["type"])
    line = json.dumps(update, ensure_ascii=True, separators=(",", ":"))
    return Frame(
        position=position,
        place=place_of(position),
        task_id=str(update["task_id"]),
        repository=str(update["repository"]),
        number=_number(update["number"]),
        kind=str(update["kind"]),
        workflow_run_id=_text(update["workflow_run_id"]),
        status=str(update["status"]),
        data=f"id: {position}\nevent: {event}\ndata: {line}\n\n".encode("ascii", "replace"),
    )


def _number(value: Json) -> int | None:
    return value if isinstance(value, int) else None


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What a listener wants to hear of; None is everything.

    All of it belongs to the event or never changes, so who resumes gets what it would have got. A priority or an assignee would
    not do: the feed tells those as they are when it is read.
    """

    task_id: UUID | None = None
    repository: str | None = None
    number: int | None = None
    kind: str | None = None
    workflow_run_id: UUID | None = None
    status: Collection[str] | None = None

    def includes(self, frame: Frame) -> bool:
        """Return whether the update is wanted."""
        return (
            (self.task_id is None or frame.task_id == str(self.task_id))
            and (self.repository is None or frame.repository.lower() == self.repository.lower())
            and (self.number is None or frame.number == self.number)
            and (self.kind is None or frame.kind == self.kind)
            and (self.workflow_run_id is None or frame.workflow_run_id == str(self.workflow_run_id))
            and (not self.status or frame.status in self.status)
        )


class Listener:
    """One listener: takes what waits for it.

    Attributes:
        position: everything up to it was taken, or was not wanted.
        lags: more came than may wait; what waits was dropped, and nothing more will come.
        is_over: nothing more will come.
    """

    def __init__(self, wanted: Wanted, position: str) -> None:
        self.wanted = wanted
        self.position = position
        self.lags = False
        self.is_over = False
        self._seen = position
        self._waiting: deque[Frame] = deque()
        self._woken = asyncio.Event()

    def offer(self, frame: Frame) -> None:
        """Let the update wait for the listener, if it is wanted."""
        if self.is_over:
            return
        self._seen = frame.position
        if not self.wanted.includes(frame):
            return
        if len(self._waiting) == WAITING_UPDATES:
            self.lags = True
            self._waiting.clear()
            self.end()
            return
        self._waiting.append(frame)
        self._woken.set()

    def end(self) -> None:
        """Let nothing more come."""
        self.is_over = True
        self._woken.set()

    async def take(self, timeout_seconds: float) -> list[Frame]:
        """Return what waits, as soon as something does; nothing after the time-out, or at the end."""
        if not self._waiting and not self.is_over:
            self._woken.clear()
            try:
                async with asyncio.timeout(timeout_seconds):
                    await self._woken.wait()
            except TimeoutError:
                pass
        taken = [*self._waiting]
        self._waiting.clear()
        if not self.lags:
            self.position = self._seen
        return taken


class Listeners:
    """All listeners of this process, and the position up to which they were offered every update."""

    def __init__(self) -> None:
        self._all: set[Listener] = set()
        self._has_ended = False
        self._begun = asyncio.Event()
        self.position: str | None = None
        self.offered = 0
        self.lagged = 0

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Listener]:
        return iter([*self._all])

    def begin(self, position: str) -> None:
        """Say from where on updates will be offered."""
        self.position = position
        self._begun.set()

    async def have_begun(self, timeout_seconds: float) -> bool:
        """Return whether there is a position by then: a process that has just started does not know it yet."""
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._begun.wait()
        except TimeoutError:
            return False

    def is_new(self, position: str) -> bool:
        """Return whether the position is past what was offered."""
        return self.position is None or place_of(position) > place_of(self.position)

    def add(self, wanted: Wanted) -> Listener:
        """Return a new listener, which gets every wanted update after the present position."""
        assert self.position is not None, "nothing was begun"
        listener = Listener(wanted, self.position)
        self._all.add(listener)
        if self._has_ended:
            listener.end()
        return listener

    def remove(self, listener: Listener) -> None:
        """Forget a listener."""
        self.lagged += listener.lags
        self._all.discard(listener)

    def offer(self, frame: Frame) -> None:
        """Offer the next update to all listeners; the caller sees to the order."""
        self.position = frame.position
        self.offered += 1
        for listener in self:
            listener.offer(frame)

    def end(self) -> None:
        """End all listeners, also those that are still to come: the process stops."""
        self._has_ended = True
        for listener in self:
            listener.end()
