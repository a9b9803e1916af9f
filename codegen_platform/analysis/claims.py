"""What an analyser says before anyone holds it against the change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from codegen_platform.analysis.sources import SourceFile
from codegen_platform.artifacts import Category, Severity, SkipReason


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """One problem in the head text of one file.

    Attributes:
        line, end_line: 1-based, inclusive, where the analyser saw it; may lie outside the change.
        rule: the tool and its rule (`ruff:B006`, `rules:go-...`); becomes the finding's source.
        what: claims on one line with the same `what` are duplicates of one problem.
        suggestion: replacement for exactly the lines `line..end_line`, or None.
        about_the_file: the claim is about the whole file (it no longer parses): any of its changed lines may carry it.
        shows_line: whether the finding's body ends with the text of its line, hidden characters made visible.
        secrets: texts that must not be repeated; masked wherever a finding would show them.
    """

    path: str
    line: int
    end_line: int
    rule: str
    what: str
    severity: Severity
    category: Category
    title: str
    body: str
    suggestion: str | None = None
    about_the_file: bool = False
    shows_line: bool = False
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Claims:
    """The result of one run of an analyser: its claims, and the reason if it could not finish.

    Attributes:
        unread: path -> reason, for files that it got and did not finish; the change then counts as read in part.
        error: one sentence for the report on the run. Without an `unread`, it stands for all files.
    """

    claims: tuple[Claim, ...] = ()
    error: str | None = None
    unread: Mapping[str, SkipReason] = field(default_factory=dict)


class Analyser(Protocol):
    """One way to find problems without executing anything."""

    @property
    def name(self) -> str:
        """Return its name, as shown in the report on the run."""
        ...

    @property
    def version(self) -> str:
        """Return the version of the tool, or of the rules where the tool is ours."""
        ...

    @property
    def languages(self) -> frozenset[str] | None:
        """Return the languages it reads; None means every file."""
        ...

    def run(self, files: Sequence[SourceFile]) -> Claims:
        """Return what is wrong in these files; a failure that leaves nothing usable is raised."""
        ...
