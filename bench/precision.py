"""Merged changes of other projects, what the static analysers say of them now, and what a reader held of each finding."""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from codegen_platform.analysis import AnalysisOptions
from codegen_platform.analysis.analysers import analysers_for
from codegen_platform.analysis.analysing import analyse_with
from codegen_platform.artifacts import ChangedFile, FileStatus, Finding, PullRequestSnapshot
from codegen_platform.changes.languages import is_generated, language_of

CHECKOUT = Path(__file__).resolve().parents[1]
CORPUS = Path("shared", "corpora", "merged-changes", "changes.jsonl.xz")
"""Below the folder that holds the checkout, or one above."""
LABELS = Path(__file__).parent / "data" / "precision.json"
_STATUS = {"A": FileStatus.ADDED, "D": FileStatus.REMOVED, "R": FileStatus.RENAMED, "C": FileStatus.ADDED}


class Verdict(StrEnum):
    """What a reader of the code held of a finding.

    `true`: worth saying. `arguable`: right, and not worth a comment to most. `false`: wrong; it may not come back.
    """

    TRUE = "true"
    ARGUABLE = "arguable"
    FALSE = "false"


@dataclass(frozen=True, slots=True)
class Place:
    """What a label is about: a rule's finding on a line of a file at a commit."""

    repository: str
    head: str
    path: str
    line: int
    rule: str

    def __str__(self) -> str:
        return f"{self.rule} at https://github.com/{self.repository}/blob/{self.head}/{self.path}#L{self.line}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Findings of today by what is known of them; `gone`: labelled `true` and not found any more."""

    labelled: dict[Place, Verdict]
    new: tuple[Place, ...]
    gone: tuple[Place, ...]

    def those(self, verdict: Verdict) -> list[Place]:
        """Return the findings with this verdict."""
        return [place for place, given in self.labelled.items() if given is verdict]

    @property
    def share_right(self) -> float | None:
        """Return which share of the labelled findings is not false; None of none."""
        return 1 - len(self.those(Verdict.FALSE)) / len(self.labelled) if self.labelled else None


@cache
def labels() -> dict[Place, Verdict]:
    """Return the verdicts that readers gave."""
    entries = json.loads(LABELS.read_text("utf-8"))["findings"]
    return {Place(*entry["at"]): Verdict(entry["verdict"]) for entry in entries}


def corpus() -> Path | None:
    """Return the file of merged changes, None if it is not there."""
    return next((folder / CORPUS for folder in CHECKOUT.parents if (folder / CORPUS).is_file()), None)


def merged_changes(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the changes, one JSON object each."""
    with lzma.open(file, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def findings_in(change: dict[str, Any]) -> list[Finding]:
    """Return what the static analysers say of one change."""
    files = tuple(_file(entry) for entry in change["files"])
    snapshot = PullRequestSnapshot(
        forge="local",
        repository=change["repository"],
        number=1,
        title="",
        description="",
        author="",
        base_ref="main",
        head_ref="topic",
        base_sha=change["base"],
        head_sha=change["head"],
        url="",
        files=files,
        files_total=len(files),
    )
    options = AnalysisOptions()
    return list(analyse_with(analysers_for(options), snapshot, options=options).findings)


def places_of(change: dict[str, Any], findings: Iterable[Finding]) -> list[Place]:
    """Return where the findings of a change stand."""
    return [Place(change["repository"], change["head"], each.path, each.line, each.source) for each in findings]


def compare(found: Iterable[Place], known: dict[Place, Verdict]) -> Comparison:
    """Return the findings of today beside the verdicts."""
    found = list(found)
    true = {place for place, verdict in known.items() if verdict is Verdict.TRUE}
    return Comparison(
        labelled={place: known[place] for place in found if place in known},
        new=tuple(place for place in found if place not in known),
        gone=tuple(sorted(true - set(found), key=str)),
    )


def _file(entry: dict[str, Any]) -> ChangedFile:
    patch, text = entry["patch"] or "", entry["head_text"]
    at = 0 if patch.startswith("@@ ") else patch.find("\n@@ ") + 1
    hunks = patch[at:] if at or patch.startswith("@@ ") else None
    return ChangedFile(
        path=entry["path"],
        previous_path=entry["previous_path"],
        status=_STATUS.get(entry["status"][:1], FileStatus.MODIFIED),
        language=language_of(entry["path"]),
        patch=hunks,
        head_text=text,
        is_generated=is_generated(entry["path"], text),
    )
