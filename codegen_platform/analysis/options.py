"""Options and limits of static analysis."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class AnalysisOptions:
    """Switches of one analysis; they come from settings and from the base branch, never from the pull request.

    Attributes:
        advanced: also run bandit and the structural rules (feature flag `advanced_code_analysis`).
        multi_language: also read code other than Python (feature flag `multi_language_support`); secrets, hidden characters and conflict
            markers are looked for in every file either way.
        ignore: path patterns as in .gitignore; files that match are listed as skipped.
    """

    advanced: bool = True
    multi_language: bool = True
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class AnalysisLimits:
    """Resource limits of the analysers of one review; an analyser over a limit is killed and its current file reported as unread.

    Attributes:
        seconds: wall clock, for all analysers and files of a review.
        seconds_a_file: wall clock, for one analyser on one file.
        cpu_seconds_a_file: processor time, for one analyser on one file; a file of 1,000 lines takes about 0.02.
        memory_mb: address space of the process, in MiB.
        output_mb: output of one analyser for all files, in MiB.
    """

    seconds: float = 300.0
    seconds_a_file: float = 30.0
    cpu_seconds_a_file: float = 5.0
    memory_mb: int = 2048
    output_mb: int = 64

    @property
    def memory_bytes(self) -> int:
        """Return the address space in bytes."""
        return self.memory_mb << 20

    @property
    def output_bytes(self) -> int:
        """Return the output in bytes."""
        return self.output_mb << 20
