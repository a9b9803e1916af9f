"""What was wrong before is not the change's doing: a line that was only moved or indented carries no new finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from codegen_platform.analysis.claims import Analyser, Claim
from codegen_platform.analysis.sources import SourceFile

_Mark = tuple[str, str, str]


def introduced(claims: Sequence[Claim], sources: Mapping[str, SourceFile], analyser: Analyser) -> list[Claim]:
    """Return the claims that do not hold for the file before the change as well.

    The analyser is run again only on the former text of files where it can matter: where a claim stands on words that were also removed, or
    is about the whole file. A claim is old if the same rule claimed the same words there. Secrets are always new: each place counts.
    """
    removed: dict[str, set[str]] = {}
    former: dict[str, SourceFile] = {}
    for claim in claims:
        before = sources[claim.path].before
        if before is None or claim.secrets:
            continue
        if claim.path not in removed:
            removed[claim.path] = {_words(line) for line in before.lines.values()}
        mark = _mark(claim, sources[claim.path])
        if mark and (claim.about_the_file or mark[2] in removed[claim.path]):
            former[claim.path] = before
    if not former:
        return list(claims)
    old = {_mark(claim, former[claim.path]) for claim in analyser.run(list(former.values())).claims}
    return [
        claim
        for claim in claims
        if claim.secrets or (mark := _mark(claim, sources[claim.path])) is None or mark not in old
    ]


def _mark(claim: Claim, source: SourceFile) -> _Mark | None:
    """Return what makes two claims the same before and after; None if the claim's first line is not shown by the hunks."""
    if claim.about_the_file:
        return claim.path, claim.rule, ""
    words = _words(source.lines.get(claim.line, ""))
    return (claim.path, claim.rule, words) if words else None


@lru_cache(maxsize=64)
def _words(line: str) -> str:
    return " ".join(line.split())
