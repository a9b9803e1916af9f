"""Ruff: defects in Python, and the authority on whether Python parses."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

from codegen_platform.analysis.advice import advice_for
from codegen_platform.analysis.analysers.ruff_claims import claim_of
from codegen_platform.analysis.claims import Claim, Claims
from codegen_platform.analysis.limits import unread_error
from codegen_platform.analysis.parser_guards import too_much_for_ruff
from codegen_platform.analysis.python_context import JUDGED
from codegen_platform.analysis.python_dialects import in_other_dialects
from codegen_platform.analysis.ruff_process import RuffFailed, Violation, violations_in
from codegen_platform.analysis.sources import SourceFile
from codegen_platform.analysis.syntax_claims import syntax_claim
from codegen_platform.artifacts import SkipReason

TIME_LIMIT_SECONDS = 20.0
"""For all calls of one run together; a thousand ordinary files take two seconds."""
MAX_BATCH_CHARACTERS = 20_000_000
MAX_JUDGED = 20
"""Violations of a file that are judged by the code around them: each may cost a walk over a large tree."""


class Ruff:
    """Finds defects in Python by the rules that `rules/ruff.yaml` selects."""

    name = "ruff"
    languages = frozenset({"python"})
    reads_together = True

    def __init__(self, *, time_limit_seconds: float = TIME_LIMIT_SECONDS, folder: Path | None = None) -> None:
        """Make an analyser that writes into a private folder within `folder`, the system's temporary one by default."""
        self._time_limit_seconds = time_limit_seconds
        self._folder = folder

    @cached_property
    def version(self) -> str:
        """Return ruff's own version."""
        return version("ruff")

    def run(self, files: Sequence[SourceFile]) -> Claims:
        """Return ruff's claims; `# noqa` and every configuration in the pull request are ignored.

        A file that makes ruff crash costs only itself: the others are read again in halves, as far as the time limit allows.
        """
        ends_at = time.monotonic() + self._time_limit_seconds
        claims: list[Claim] = []
        unread = {source.path: reason for source in files if (reason := too_much_for_ruff(source.text or ""))}
        waiting = list(_batches([source for source in files if source.path not in unread]))
        while waiting:
            batch = waiting.pop()
            try:
                read = self._read(batch, ends_at)
            except RuffFailed as error:
                if len(batch) == 1 or time.monotonic() >= ends_at:
                    unread |= {source.path: error.reason for source in batch}
                else:
                    waiting += [batch[len(batch) // 2 :], batch[: len(batch) // 2]]
            else:
                claims += read.claims
                unread |= read.unread
        return Claims(claims=tuple(claims), error=unread_error(unread, len(files)), unread=unread)

    def _read(self, files: Sequence[SourceFile], ends_at: float) -> Claims:
        """Return the result of one call of ruff on these files.

        Raises:
            RuffFailed: there is no usable result.
        """
        claims: list[Claim] = []
        broken: dict[str, tuple[SourceFile, Violation]] = {}
        judged: Counter[str] = Counter()
        said = violations_in(files, rules=advice_for("ruff"), ends_at=ends_at, folder=self._folder)
        for source, violation in said.found:
            if not violation.is_syntax_error:
                judged[source.path] += violation.code in JUDGED
                claims += claim_of(source, violation, looks_around=judged[source.path] <= MAX_JUDGED)
            elif source.path not in broken or violation.location.row < broken[source.path][1].location.row:
                broken[source.path] = source, violation
        # All other messages about a file that does not parse follow from the first error.
        claims = [claim for claim in claims if claim.path not in broken]
        others = in_other_dialects([source for source, _ in broken.values()], ends_at=ends_at, folder=self._folder)
        claims += [
            syntax_claim(source, line=violation.location.row, message=violation.message)
            for path, (source, violation) in broken.items()
            if path not in others
        ]
        unread = dict.fromkeys(said.cut, SkipReason.TOO_MANY_CLAIMS)
        unread |= dict.fromkeys(broken, SkipReason.SYNTAX_ERROR)
        unread |= dict.fromkeys(others, SkipReason.UNSUPPORTED_SYNTAX)
        return Claims(claims=tuple(claims), unread=unread)


def _batches(files: Sequence[SourceFile]) -> Iterator[Sequence[SourceFile]]:
    """Yield the files in groups whose text fits the temporary folder."""
    batch: list[SourceFile] = []
    size = 0
    for source in files:
        length = len(source.text or "")
        if batch and size + length > MAX_BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
        batch.append(source)
        size += length
    if batch:
        yield batch
