"""Processor time that an analyser within this process may use, so that no file can keep it for itself."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from codegen_platform.analysis.claims import Claim, Claims
from codegen_platform.analysis.sources import SourceFile
from codegen_platform.artifacts import SkipReason
from codegen_platform.errors import CodegenError

SECONDS = 10.0
SECONDS_A_FILE = 2.0
"""A file of 1,000 lines takes about 0.02."""


class Unread(CodegenError):
    """The file was not read to the end, for this reason; claims made until then stand."""

    code = "unread"

    def __init__(self, reason: SkipReason) -> None:
        super().__init__(reason.words)
        self.reason = reason


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
            Unread: there is none left.
        """
        if time.thread_time() > self._file_ends_at:
            raise Unread(SkipReason.ANALYSIS_TIMEOUT)


def read_each(
    files: Sequence[SourceFile], limit: CpuLimit, claims_of: Callable[[SourceFile, CpuLimit], Iterable[Claim]]
) -> Claims:
    """Return the claims of `claims_of` about each file, and the files it could not finish."""
    claims: list[Claim] = []
    unread: dict[str, SkipReason] = {}
    for source in files:
        limit.begin_file()
        try:
            limit.check()
            claims += claims_of(source, limit)
        except Unread as error:
            unread[source.path] = error.reason
        except RecursionError:
            unread[source.path] = SkipReason.NESTED_TOO_DEEPLY
    return Claims(claims=tuple(claims), error=unread_error(unread, len(files)), unread=unread)


def unread_error(unread: Mapping[str, SkipReason], files: int) -> str | None:
    """Return one sentence on the files that were not read to the end, None if there are none."""
    # A file that does not parse has a finding that says so; nothing went wrong with the analyser.
    counted = Counter(reason for reason in unread.values() if reason is not SkipReason.SYNTAX_ERROR)
    parts = [
        f"{count} of {files} files not read to the end: {reason.words}" for reason, count in sorted(counted.items())
    ]
    return "; ".join(parts) or None
