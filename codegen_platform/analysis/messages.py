"""Messages between a review and its analysis process."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from codegen_platform.analysis.claims import Analyser, Claim, Claims
from codegen_platform.analysis.sources import SourceFile
from codegen_platform.artifacts import Category, Severity, SkipReason

_T = TypeVar("_T")

READ, FAILED, DONE = b"r", b"f", b"d"
"""First byte of an answer: claims of the next file, or files; a reason instead of claims; there are no more files."""
_COUNT_BYTES = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One analyser on some files.

    Attributes:
        together: whether the analyser gets all files at once; else one by one, and each is answered on its own.
        cpu_seconds: of the process, for one file, or for all together.
        memory_bytes: address space of the process, and of each that it starts.
    """

    analyser: Analyser
    files: Sequence[SourceFile]
    together: bool
    cpu_seconds: float
    memory_bytes: int


def answer_of(kind: bytes, files: int, body: bytes) -> bytes:
    """Return an answer about so many files, in the order of the request."""
    return kind + files.to_bytes(_COUNT_BYTES, "big") + body


def parts_of(answer: bytes) -> tuple[bytes, int, bytes]:
    """Return kind, number of files and body of an answer."""
    return answer[:1], int.from_bytes(answer[1 : 1 + _COUNT_BYTES], "big"), answer[1 + _COUNT_BYTES :]


def encoded(claims: Claims, files: Sequence[SourceFile]) -> bytes:
    """Return claims about these files as JSON; a file is named by its place in the list."""
    places = {source.path: place for place, source in enumerate(files)}
    body = {
        "claims": [_as_list(claim, places) for claim in claims.claims],
        "error": claims.error,
        "unread": {places[path]: reason for path, reason in claims.unread.items()},
    }
    return json.dumps(body).encode()


def decoded(data: bytes, files: Sequence[SourceFile]) -> Claims:
    """Return the claims that `encoded` wrote.

    That process is not trusted, for native code parses hostile text there: only data of known types is taken, about these files.

    Raises:
        ValueError: it is not.
    """
    try:
        body = json.loads(data)
        return Claims(
            claims=tuple(_as_claim(fields, files) for fields in body["claims"]),
            error=_of(body["error"], str) if body["error"] is not None else None,
            unread={files[int(place)].path: SkipReason(reason) for place, reason in body["unread"].items()},
        )
    except (KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("not claims") from error


def _as_list(claim: Claim, places: dict[str, int]) -> list[object]:
    return [
        places[claim.path], claim.line, claim.end_line, claim.rule, claim.what, claim.severity, claim.category, claim.title, claim.body,
        claim.suggestion, claim.about_the_file, claim.shows_line, claim.secrets,
    ]  # fmt: skip


def _as_claim(fields: list[Any], files: Sequence[SourceFile]) -> Claim:
    place, line, end_line, rule, what, severity, category, title, body, suggestion, whole, shows, secrets = fields
    return Claim(
        path=files[_of(place, int)].path,
        line=_of(line, int),
        end_line=_of(end_line, int),
        rule=_of(rule, str),
        what=_of(what, str),
        severity=Severity(severity),
        category=Category(category),
        title=_of(title, str),
        body=_of(body, str),
        suggestion=None if suggestion is None else _of(suggestion, str),
        about_the_file=_of(whole, bool),
        shows_line=_of(shows, bool),
        secrets=tuple(_of(secret, str) for secret in secrets),
    )


def _of(value: object, kind: type[_T]) -> _T:
    if not isinstance(value, kind):
        raise TypeError
    return value
