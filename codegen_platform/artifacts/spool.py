"""Storage that goes on while its bucket is away: what cannot be written there waits in a folder and is moved over later."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import structlog

from codegen_platform.artifacts.storage import FolderStorage, Storage
from codegen_platform.errors import ArtifactsUnavailable

log = structlog.get_logger()

SPOOL = "artifacts-waiting"
"""Name of the folder in the home."""

REST_SECONDS = 30.0
"""So long a storage that did not answer is not asked again, because every question costs its time-outs."""


class SpooledStorage:
    """Another storage, with a folder behind it."""

    def __init__(self, storage: Storage, spool: FolderStorage, *, rest_seconds: float = REST_SECONDS) -> None:
        self._storage, self._spool, self._rest_seconds = storage, spool, rest_seconds
        self._resting_until = 0.0
        self.away: str | None = None
        """Why the storage is not used now; None while it answers."""

    def write(self, key: str, data: bytes, content_type: str = "application/json") -> None:
        """Write to the storage, or to the folder while it is away; what waits under the same key is then outdated."""
        if self._answers(partial(self._storage.write, key, data, content_type)):
            self._spool.delete(key)
        else:
            self._spool.write(key, data, content_type)

    def read(self, key: str) -> bytes | None:
        """Return what waits in the folder, else what is stored.

        Raises:
            ArtifactsUnavailable: nothing waits, and the storage does not answer.
        """
        waiting = self._spool.read(key)
        return waiting if waiting is not None else self._storage.read(key)

    def exists(self, key: str) -> bool:
        """Return whether something waits or is stored. Raises like `read`."""
        return self._spool.exists(key) or self._storage.exists(key)

    def delete(self, key: str) -> None:
        """Remove what waits and what is stored. Raises like `read`."""
        self._spool.delete(key)
        self._storage.delete(key)

    def url_for(self, key: str) -> str:
        """Return where it is now."""
        return (self._spool if self._spool.exists(key) else self._storage).url_for(key)

    def move_over(self) -> int:
        """Move what waits into the storage, until it does not answer; return how much was moved."""
        moved = 0
        for key in self._spool.list_keys():
            data = self._spool.read(key)
            if data is None:
                continue
            if not self._answers(partial(self._storage.write, key, data)):
                break
            self._spool.delete(key)
            moved += 1
        return moved

    def _answers(self, ask: Callable[[], None]) -> bool:
        if time.monotonic() < self._resting_until:
            return False
        try:
            ask()
        except ArtifactsUnavailable as error:
            self.away, self._resting_until = str(error), time.monotonic() + self._rest_seconds
            log.warning("artifacts.away", error=str(error))
            return False
        self.away = None
        return True
