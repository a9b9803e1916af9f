"""Runs analysers in a separate process with enforced limits: a hanging, crashing or growing one is killed from outside.

The file that caused it is unread by that analyser, with the reason, and a fresh process reads the files after it. The process is kept
for the next review: starting one costs about 10 ms.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType

import structlog

from codegen_platform.analysis.claims import Analyser, Claim, Claims
from codegen_platform.analysis.limits import unread_error
from codegen_platform.analysis.messages import DONE, READ, Request, decoded, parts_of
from codegen_platform.analysis.options import AnalysisLimits
from codegen_platform.analysis.sources import SourceFile
from codegen_platform.artifacts import SkipReason
from codegen_platform.sandbox.forks import Forks
from codegen_platform.sandbox.frames import FrameReader, PeerEnded, PeerTooLate, PeerTooLoud, send_frame

MAX_REVIEWS, MAX_REQUEST_BYTES = 100, 20_000_000
"""Reviews and request bytes per process; then a fresh one replaces it, to limit memory that tools leak or keep after large changes."""
_OUT_OF_CPU_TIME = 24
"""SIGXCPU, by number, because it comes as one."""

forks = Forks("codegen_platform.analysis.process")
log = structlog.get_logger()


@dataclass(kw_only=True, slots=True)
class _Kept:
    """An idle process; `owner` is the pid that started it: a fork of the owner must not use it."""

    connection: socket.socket
    owner: int = field(default_factory=os.getpid)
    reviews: int = 0
    request_bytes: int = 0

    @property
    def is_fit(self) -> bool:
        """Return whether it is ours, waits, and has not done too much: one that died can be read from."""
        if self.reviews >= MAX_REVIEWS or self.request_bytes >= MAX_REQUEST_BYTES or self.owner != os.getpid():
            return False
        waiting = select.poll()
        waiting.register(self.connection, select.POLLIN)
        return not waiting.poll(0)


_idle: list[_Kept] = []


class Lost(Exception):
    """The process was killed, ended, or sent an invalid answer."""

    def __init__(self, reason: SkipReason) -> None:
        super().__init__(reason)
        self.reason = reason


class AnalysisProcess:
    """The process of one review: started when it is first needed, again after a loss, and given back at the end."""

    def __init__(self, limits: AnalysisLimits) -> None:
        """Begin a review; its time runs from here."""
        self.limits = limits
        self._ends_at = time.monotonic() + limits.seconds
        self._kept: _Kept | None = None

    def __enter__(self) -> AnalysisProcess:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Return the process to the pool; after an error its state is unknown, so kill it."""
        kept, self._kept = self._kept, None
        if kept is None:
            return
        kept.reviews += 1
        if kind is None and kept.is_fit:
            _idle.append(kept)
        else:
            kept.connection.close()

    @property
    def has_time(self) -> bool:
        """Return whether the review's time is not over."""
        return time.monotonic() < self._ends_at

    def drop(self) -> None:
        """Kill the process; the next request gets a fresh one."""
        if self._kept is not None:
            self._kept.connection.close()
            self._kept = None

    def ask(self, request: Request) -> Iterator[bytes]:
        """Yield the answers up to the last.

        Raises:
            Lost: there will be no more of them; the process is gone.
        """
        if not self.has_time:
            raise Lost(SkipReason.ANALYSIS_TIMEOUT)
        try:
            yield from self._ask(request)
        except (PeerEnded, PeerTooLate, PeerTooLoud, OSError) as error:
            self.drop()
            is_late = isinstance(error, PeerTooLate) or (
                isinstance(error, PeerEnded) and error.signal == _OUT_OF_CPU_TIME
            )
            log.warning(
                "analysis.process_lost", tool=request.analyser.name, reason=type(error).__name__, detail=str(error)[:80]
            )
            raise Lost(SkipReason.ANALYSIS_TIMEOUT if is_late else SkipReason.ANALYSIS_FAILED) from error

    def _ask(self, request: Request) -> Iterator[bytes]:
        asked = pickle.dumps(request, protocol=pickle.HIGHEST_PROTOCOL)
        waited = self._kept is None
        kept = self._kept = self._kept or _take()
        try:
            reader = self._send(kept, asked)
            frame = self._next(reader)
        except (PeerEnded, OSError):
            if not (waited and kept.reviews):
                raise
            # It died while it waited for this review, and no file is to blame.
            self.drop()
            kept = self._kept = _Kept(connection=forks.connect())
            reader = self._send(kept, asked)
            frame = self._next(reader)
        while frame[:1] != DONE:
            yield frame
            frame = self._next(reader)

    def _send(self, kept: _Kept, asked: bytes) -> FrameReader:
        kept.request_bytes += len(asked)
        send_frame(kept.connection, asked)
        return FrameReader(kept.connection, max_bytes=self.limits.output_bytes)

    def _next(self, reader: FrameReader) -> bytes:
        return reader.read(ends_at=min(self._ends_at, time.monotonic() + self.limits.seconds_a_file))


def _take() -> _Kept:
    while _idle:
        with contextlib.suppress(IndexError):
            kept = _idle.pop()
            if kept.is_fit:
                return kept
            kept.connection.close()
    return _Kept(connection=forks.connect())


class Isolated:
    """An analyser that runs in such a process; else as it is itself."""

    def __init__(self, analyser: Analyser, process: AnalysisProcess) -> None:
        """Wrap an analyser; it must survive pickling."""
        self._analyser, self._process = analyser, process
        self.name, self.languages = analyser.name, analyser.languages
        self._together = bool(getattr(analyser, "reads_together", False))

    @property
    def version(self) -> str:
        """Return the analyser's."""
        return self._analyser.version

    def run(self, files: Sequence[SourceFile]) -> Claims:
        """Return the analyser's result; never raises for the content of a file."""
        run = _Run()
        waiting = [list(files)]
        while waiting:
            waiting += self._read(waiting.pop(), run)
        error = "; ".join(part for part in (unread_error(run.unread, len(files)), run.error) if part)
        return Claims(claims=tuple(run.claims), error=error or None, unread=run.unread)

    def _read(self, files: list[SourceFile], run: _Run) -> list[list[SourceFile]]:
        """Read files while the process lives; return the unread rest in portions, the first one last."""
        limits = self._process.limits
        request = Request(
            analyser=self._analyser,
            files=files,
            together=self._together,
            cpu_seconds=limits.cpu_seconds_a_file,
            memory_bytes=limits.memory_bytes,
        )
        try:
            for answer in self._process.ask(request):
                files = files[run.note(answer, files) :]
        except (Lost, ValueError) as error:
            if not isinstance(error, Lost):  # an invalid answer
                self._process.drop()
            reason = error.reason if isinstance(error, Lost) else SkipReason.ANALYSIS_FAILED
            if self._together and self._process.has_time and (half := len(files) // 2):
                return [files[half:], files[:half]]
            lost = files if self._together else files[:1]
            run.unread |= dict.fromkeys((source.path for source in lost), reason)
            return [files[len(lost) :]] if len(lost) < len(files) else []
        return []


@dataclass(kw_only=True, slots=True)
class _Run:
    claims: list[Claim] = field(default_factory=list)
    unread: dict[str, SkipReason] = field(default_factory=dict)
    error: str | None = None

    def note(self, answer: bytes, files: Sequence[SourceFile]) -> int:
        """Add an answer about the first of these files; return how many of them it is about.

        Raises:
            ValueError: the answer is invalid.
        """
        kind, count, body = parts_of(answer)
        if not 0 < count <= len(files):
            raise ValueError("about no file")
        if kind == READ:
            read = decoded(body, files[:count])
            self.claims += read.claims
            self.unread |= read.unread
            self.error = self.error or (read.error if not read.unread else None)
        else:
            self.unread |= dict.fromkeys((source.path for source in files[:count]), SkipReason.ANALYSIS_FAILED)
            self.error = self.error or body.decode("utf-8", "replace")[:200]
        return count
