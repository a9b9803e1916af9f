"""The work: 32 changes between neighbouring releases of open-source packages, 10 tiny, 15 medium, 7 large."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

BUNDLE = Path(__file__).parent / "data" / "releases.bundle"
Size = Literal["tiny", "medium", "large"]
WANTED: dict[Size, int] = {"tiny": 10, "medium": 15, "large": 7}
TINY_FILES = 8
LARGE_FILES = 50
STRIDE = 13  # shares no factor with 32: neighbours in the list get different sizes


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """Two tags of the releases, and how many files differ between them."""

    package: str
    base: str
    head: str
    files: int

    @property
    def size(self) -> Size:
        """Return the class of the change by its number of files."""
        if self.files >= LARGE_FILES:
            return "large"
        return "tiny" if self.files <= TINY_FILES else "medium"


def unpack(folder: Path) -> Path:
    """Make a git repository of the bundle in a new folder and return it."""
    repository = folder / "releases.git"
    subprocess.run(["git", "clone", "--quiet", "--mirror", str(BUNDLE), str(repository)], check=True)
    return repository


def all_changes(repository: Path) -> list[Change]:
    """Return every change between neighbouring releases of one package, by package and version."""
    tags: dict[str, list[str]] = {}
    for tag in _git(repository, "tag").split():
        tags.setdefault(tag.rpartition("-")[0], []).append(tag)
    return [
        Change(
            package=package,
            base=base,
            head=head,
            files=len(_git(repository, "diff", "--name-only", base, head).split("\n")) - 1,
        )
        for package in sorted(tags)
        for base, head in pairwise(sorted(tags[package], key=version_of))
    ]


def version_of(tag: str) -> tuple[int, ...]:
    """Return the version in a tag, to sort by."""
    return tuple(int(number) for number in re.findall(r"\d+", tag.rpartition("-")[2]))


def choose(changes: Sequence[Change], count: int = 32) -> list[Change]:
    """Return `count` changes of mixed size in a fixed order; of each size those that are spread evenly by number of files.

    Fewer than 32 keep the mix as well as they can.
    """
    chosen: list[Change] = []
    for size, wanted in WANTED.items():
        of_size = sorted((one for one in changes if one.size == size), key=lambda one: (one.files, one.base))
        chosen += _spread(of_size, wanted)
    mixed = [chosen[index * STRIDE % len(chosen)] for index in range(len(chosen))]
    return mixed[:count]


def _spread(changes: Sequence[Change], wanted: int) -> list[Change]:
    if len(changes) <= wanted:
        return list(changes)
    return [changes[index * len(changes) // wanted] for index in range(wanted)]


def _git(repository: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(repository), *arguments], capture_output=True, text=True, check=True).stdout
