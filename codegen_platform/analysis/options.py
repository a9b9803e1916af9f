"""What the static reviewer is asked to do."""

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
