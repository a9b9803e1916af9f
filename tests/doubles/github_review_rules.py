"""Why GitHub refuses a review: the rules and the wording of its 422 answers, as observed in public issue threads.

A review is all or nothing, and the answer does not say which comment is at fault.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.doubles.github_git import DiffFile

BODY_MAX = 65_536
LINE = "Pull request review thread line must be part of the diff"
HUNK = "Pull request review thread diff hunk can't be blank"
START = "Pull request review thread start line must be part of the same hunk as the line."
ORDER = "Pull request review thread start line must precede the end line."
PATH = "Pull request review thread path is invalid"
TOO_LONG = f"Body is too long (maximum is {BODY_MAX} characters)"
EVENTS = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}

Lines = Mapping[tuple[str, int], int]


def lines_of(patch: str | None) -> dict[tuple[str, int], int]:
    """Return (side, line) -> index of its hunk, for every line a comment may stand on; context lines count on both sides."""
    found: dict[tuple[str, int], int] = {}
    old = new = 0
    hunk = -1
    for text in (patch or "").split("\n"):
        header = re.match(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@", text)
        if header:
            old, new, hunk = int(header[1]), int(header[2]), hunk + 1
        elif text[:1] == "-":
            found["LEFT", old] = hunk
            old += 1
        elif text[:1] == "+":
            found["RIGHT", new] = hunk
            new += 1
        elif text[:1] == " ":
            found["LEFT", old], found["RIGHT", new] = hunk, hunk
            old, new = old + 1, new + 1
    return found


def hunk_text(patch: str, side: str, line: int) -> str:
    """Return the `diff_hunk` that GitHub shows above a comment: its hunk up to and including the commented line."""
    wanted = lines_of(patch)[side, line]
    hunk = re.split(r"^(?=@@ )", patch, flags=re.MULTILINE)[1:][wanted]
    rows = hunk.removesuffix("\n").split("\n")
    for count in range(1, len(rows) + 1):
        if (side, line) in lines_of("\n".join(rows[:count])):
            return "\n".join(rows[:count])
    return hunk


def position_of(patch: str, side: str, line: int) -> int:
    """Return the line's 1-based distance below the first `@@` of the patch, hunk headers counted."""
    hunk = lines_of(patch)[side, line]
    earlier = re.split(r"^(?=@@ )", patch, flags=re.MULTILINE)[1:][:hunk]
    return sum(len(part.removesuffix("\n").split("\n")) for part in earlier) + hunk_text(patch, side, line).count("\n")


def refusals_of_comment(comment: Mapping[str, Any], files: Mapping[str, DiffFile]) -> str | None:
    """Return GitHub's sentence about one comment of a review, or None if it accepts it."""
    file = files.get(str(comment.get("path")))
    if file is None or file.patch is None:
        return f"{PATH} and {HUNK}"
    if "position" in comment:
        longest = file.patch.count("\n")
        return None if 1 <= int(comment["position"]) <= longest else f"{LINE} and {HUNK}"
    lines = lines_of(file.patch)
    line, side = comment.get("line"), comment.get("side", "RIGHT")
    start = comment.get("start_line")
    if start is not None and line is not None and start >= line:
        return ORDER
    end_hunk = lines.get((side, line)) if isinstance(line, int) else None
    if start is not None:
        start_hunk = lines.get((comment.get("start_side") or side, start))
        if start_hunk is None or start_hunk != end_hunk:
            return f"{LINE}, {START}, and {HUNK}"
    return None if end_hunk is not None else f"{LINE} and {HUNK}"


def refusals_of_review(
    review: Mapping[str, Any], files: Sequence[DiffFile], *, commit_is_known: bool, has_pending: bool
) -> list[str]:
    """Return the `errors` of the 422 answer to a whole review; empty if it is accepted."""
    if not commit_is_known:
        return ["The commitOID is not part of the pull request"]
    comments = review.get("comments") or []
    body = review.get("body") or ""
    event = review.get("event")
    if has_pending and event in (None, ""):
        return ["User can only have one pending review per pull request"]
    if event in ("COMMENT", "REQUEST_CHANGES") and not body.strip() and not comments:
        return ["Review body can't be blank"]
    if any(not str(comment.get("body") or "").strip() for comment in comments):
        return ["Pull request review comment body can't be blank"]
    if len(body) > BODY_MAX or any(len(comment["body"]) > BODY_MAX for comment in comments):
        return [TOO_LONG]
    by_path = {file.filename: file for file in files}
    return list(dict.fromkeys(filter(None, (refusals_of_comment(comment, by_path) for comment in comments))))
