"""Processor time that an analyser within this process may use, so that no file can keep it for itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from codegen_platform.analysis.claims import Claim, Claims
from codegen_platform.analysis.sources import SourceFile
from codegen_platform.errors import CodegenError

SECONDS = 10.0
SECONDS_A_FILE = 2.0
"""A file of 1,000 lines takes about 0.02."""


class TookTooLong(CodegenError):
    """The file, or all files together, used up their time."""

    code = "took_too_long"


class CpuLimit:
    """Time of this thread: a loaded machine does not shorten what is read."""

    def __init__(self, *, seconds: float = SECONDS, seconds_a_file: float = SECONDS_A_FILE) -> None:
        self._seconds_a_file = seconds_a_file
        self._ends_at = time.thread_time() + seconds
        self._file_ends_at = self._ends_at

    def begin_file(self) -> None:
        """Give the next file its share of what is left."""
        self._file_ends_at = min(self._ends_at, time.thread_time() + self._seconds_a_file)

    def check(self) -> None:
        """Do nothing while there is time.

        Raises:
            TookTooLong: there is none left.
        """
        if time.thread_time() > self._file_ends_at:
            raise TookTooLong("took too long")


def read_each(
    files: Sequence[SourceFile], limit: CpuLimit, claims_of: Callable[[SourceFile, CpuLimit], Iterable[Claim]]
) -> Claims:
    """Return what `claims_of` says of each file, and how many files it could not read to the end."""
    claims: list[Claim] = []
    late = deep = 0
    for source in files:
        limit.begin_file()
        try:
            limit.check()
            claims += claims_of(source, limit)
        except TookTooLong:
            late += 1
        except RecursionError:
            deep += 1
    parts = [f"{late} of {len(files)} files not read to the end: took too long"] if late else []
    parts += [f"{deep} of {len(files)} files not read: nested too deeply"] if deep else []
    return Claims(claims=tuple(claims), error="; ".join(parts) or None)
