"""One question to one repository, its answer bounded, its objects named by full ids."""

from __future__ import annotations

import re
from collections.abc import Sequence

from codegen_platform.errors import WrongUsage
from codegen_platform.sandbox.git_process import MAX_OUTPUT_BYTES, GitCall, Output, run
from codegen_platform.sandbox.git_repository import GitRepository

OBJECT_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def ask(
    repository: GitRepository,
    arguments: Sequence[str],
    *,
    stdin: Sequence[str] = (),
    expected: Sequence[int] = (0,),
    max_bytes: int = MAX_OUTPUT_BYTES,
) -> Output:
    """Run git on the repository and return its answer; `stdin` is written one entry a line.

    Raises:
        GitFailed, GitTooSlow: see `run`.
    """
    lines = "".join(f"{line}\n" for line in stdin).encode("utf-8", "surrogateescape")
    trusted = (repository.work_tree,) if repository.work_tree else ()
    call = GitCall(git_dir=repository.git_dir, arguments=arguments, trusted=trusted, stdin=lines, max_bytes=max_bytes)
    return run(call, expected=expected)


def full_id(text: str) -> str:
    """Return the id as it is.

    Raises:
        WrongUsage: it is not a full object id; names are resolved by `rev_parse` first.
    """
    if not OBJECT_ID.fullmatch(text):
        raise WrongUsage(f"{text[:80]!r} is not a full object id")
    return text
