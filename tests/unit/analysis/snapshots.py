"""Changes made on the spot for tests: files by their text before and after, with the patch that git would show."""

from __future__ import annotations

import difflib

from codegen_platform.analysis import AnalysisOptions, analyse
from codegen_platform.artifacts import ChangedFile, FileStatus, Finding, PullRequestSnapshot, StaticFindings
from codegen_platform.changes.languages import language_of

_CONTEXT = 3


def patch_between(before: str, after: str) -> str:
    """Return the hunks of a unified diff, lines ended by LF only, as git has it."""
    old, new = (text.removesuffix("\n").split("\n") if text else [] for text in (before, after))
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    parts: list[str] = []
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        a1, a2, b1, b2 = group[0][1], group[-1][2], group[0][3], group[-1][4]
        parts.append(f"@@ -{a1 + (a2 > a1)},{a2 - a1} +{b1 + (b2 > b1)},{b2 - b1} @@")
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                parts += [" " + line for line in old[i1:i2]]
            else:
                parts += ["-" + line for line in old[i1:i2]] + ["+" + line for line in new[j1:j2]]
    return "\n".join(parts) + "\n" if parts else ""


def changed(path: str, after: str, *, before: str | None = None, **facts: object) -> ChangedFile:
    """Return a file that the change adds, or modifies if `before` is given."""
    patch = patch_between(before or "", after)
    body = {
        "path": path,
        "status": FileStatus.ADDED if before is None else FileStatus.MODIFIED,
        "language": language_of(path),
        "patch": patch or None,
        "head_text": after,
        **facts,
    }
    return ChangedFile.model_validate(body)


def snapshot_of(*files: ChangedFile) -> PullRequestSnapshot:
    """Return a pull request of these files."""
    return PullRequestSnapshot(
        forge="local",
        repository="owner/name",
        number=7,
        title="A change",
        description="",
        author="someone",
        base_ref="main",
        head_ref="topic",
        base_sha="a" * 40,
        head_sha="b" * 40,
        url="",
        files=files,
        files_total=len(files),
    )


def review(*files: ChangedFile, options: AnalysisOptions | None = None) -> StaticFindings:
    """Return the analysis of these files."""
    return analyse(snapshot_of(*files), options=options or AnalysisOptions())


def findings_in(path: str, after: str, *, before: str | None = None) -> list[Finding]:
    """Return what is found in one changed file."""
    return list(review(changed(path, after, before=before)).findings)


def sources_of(findings: list[Finding]) -> set[str]:
    """Return who says so: `ruff:B006`, `rules:go-...`."""
    return {finding.source for finding in findings}
