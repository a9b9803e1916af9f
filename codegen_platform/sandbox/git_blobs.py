"""The bytes of many files at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from codegen_platform.sandbox.git_ask import ask
from codegen_platform.sandbox.git_repository import GitRepository


@dataclass(frozen=True, kw_only=True, slots=True)
class Blob:
    """A blob: its size, and its bytes unless it is over the limit that the caller set."""

    oid: str
    size: int
    data: bytes | None


def read_blobs(
    repository: GitRepository, names: Iterable[str], *, max_bytes: int = 1_000_000, max_total_bytes: int = 64_000_000
) -> dict[str, Blob]:
    """Return the blobs of these object ids (or `<commit id>:path`), names that are no blob left out; two git processes for all.

    Bytes are read in the order of `names` for blobs of at most `max_bytes` each, while they sum up to at most `max_total_bytes`.
    """
    wanted = [name for name in dict.fromkeys(names) if "\n" not in name]
    found: dict[str, Blob] = {}
    if not wanted:
        return found
    checked = ask(
        repository, ["cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)"], stdin=wanted
    ).data
    chosen: list[tuple[str, str]] = []
    left = max_total_bytes
    for name, line in zip(wanted, checked.split(b"\n"), strict=False):
        oid, _, rest = line.decode("ascii", "replace").partition(" ")
        kind, _, size = rest.partition(" ")
        if kind != "blob":
            continue
        found[name] = Blob(oid=oid, size=int(size), data=None)
        if int(size) <= min(max_bytes, left):
            left -= int(size)
            chosen.append((name, oid))
    if chosen:
        oids = [oid for _, oid in chosen]
        limit = max_total_bytes + 200 * len(oids)
        answer = ask(repository, ["cat-file", "--batch"], stdin=oids, max_bytes=limit).data
        for (name, oid), data in zip(chosen, _contents(answer), strict=True):
            found[name] = Blob(oid=oid, size=len(data), data=data)
    return found


def _contents(answer: bytes) -> Iterator[bytes]:
    """Yield the bytes of each object in the answer of `cat-file --batch`."""
    at = 0
    while at < len(answer):
        end = answer.index(b"\n", at)
        size = int(answer[at:end].rpartition(b" ")[2])
        yield answer[end + 1 : end + 1 + size]
        at = end + 1 + size + 1
