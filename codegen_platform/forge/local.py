"""A local git repository as a forge: a pull request is two commits and the words that came with them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalPull:
    """A registered local pull request.

    Attributes:
        repository: full name, `_local/<slug>-<hash>`.
        base_sha, head_sha: full commit ids, resolved when it was registered; base_ref, head_ref: what the person typed.
    """

    repository: str
    number: int
    base_sha: str
    head_sha: str
    base_ref: str
    head_ref: str
    title: str
    description: str = ""
    author: str = ""
