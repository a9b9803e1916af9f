"""Starting git so that no repository, however hostile, makes it run anything or speak to anyone.

A repository is data from strangers: its config, its hooks, its attributes, its refs and its file names. git obeys all of these by default.
Here it gets an empty environment, no user or system config, no hooks, no file watcher, no transport at all, an index that does not exist
(so that no `.gitattributes` of a checkout hides lines), and a deadline and a size for what it may answer.
"""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from codegen_platform.errors import CodegenError

TIMEOUT_SECONDS = 60.0
MAX_OUTPUT_BYTES = 64_000_000

BIG_FILE_BYTES = 16 * 1024 * 1024
"""Larger files are binary to git: no diff of a 100 MB file is ever made."""

SAFE_CONFIG = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    f"core.bigFileThreshold={BIG_FILE_BYTES}",
    "core.quotePath=true",
    "core.symlinks=false",
    "core.pager=cat",
    "safe.bareRepository=explicit",
    "protocol.allow=never",
    "submodule.recurse=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "commit.gpgSign=false",
    "log.showSignature=false",
    "i18n.logOutputEncoding=UTF-8",
)
"""Given on the command line, where it wins over the repository's own config."""


class GitFailed(CodegenError):
    """git ended with an error; `detail` is the first line that it wrote, cut and made printable."""

    code = "git_failed"

    def __init__(self, message: str, *, detail: str = "") -> None:
        super().__init__(f"{message}: {detail}" if detail else message)
        self.detail = detail


class GitTooSlow(GitFailed):
    """git did not end within its deadline and was killed."""

    code = "git_too_slow"
    retryable = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """What git answered: at most the bytes asked for; `truncated` if there was more."""

    data: bytes
    status: int
    truncated: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class GitCall:
    """One call of git, checked and bounded.

    Attributes:
        git_dir: the repository's own folder, always named and never searched for.
        trusted: other folders whose ownership git need not check (the working tree).
        cwd: where it runs; never a folder of the repository, whose attributes would be read.
        work_tree: a working tree that git may write to; only of repositories that we made.
        variables: added to the environment, for author and dates.
        max_bytes: output beyond it is dropped and git is stopped.
    """

    git_dir: Path
    arguments: Sequence[str]
    trusted: Sequence[Path] = ()
    cwd: Path = Path("/")
    work_tree: Path | None = None
    stdin: bytes = b""
    variables: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: float = TIMEOUT_SECONDS
    max_bytes: int = MAX_OUTPUT_BYTES


def run(call: GitCall, *, expected: Sequence[int] = (0,)) -> Output:
    """Run git and return its standard output.

    Raises:
        GitFailed: git is not installed, or ended with a status that is not `expected`.
        GitTooSlow: it did not end in time.
    """
    command = [_git(), *_options(call), *call.arguments]
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as stdin:
        stdin.write(call.stdin)
        stdin.seek(0)
        process = subprocess.Popen(
            command,
            cwd=call.cwd,
            env=environment(call),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
        try:
            data, truncated = _read(process, call)
            status = _end(process, call) if not truncated else 0
        finally:
            _stop(process)
        if status not in expected:
            raise GitFailed(f"git {call.arguments[0]} failed", detail=_first_line(errors))
        return Output(data=data, status=status, truncated=truncated)


def environment(call: GitCall) -> dict[str, str]:
    """Return the whole environment that git gets; nothing is inherited."""
    return {
        "PATH": os.defpath,
        "HOME": "/nonexistent",
        "XDG_CONFIG_HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_ALLOW_PROTOCOL": "",  # an empty list: a partial clone cannot fetch what it lacks by running a command
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_INDEX_FILE": "/nonexistent/index",
        **call.variables,
    }


def _options(call: GitCall) -> list[str]:
    options = ["--no-pager", "--literal-pathspecs", f"--git-dir={call.git_dir}"]
    if call.work_tree:
        options.append(f"--work-tree={call.work_tree}")
    for folder in (call.git_dir, *call.trusted):
        options += ["-c", f"safe.directory={folder}"]
    for setting in SAFE_CONFIG:
        options += ["-c", setting]
    return options


def _git() -> str:
    found = shutil.which("git")
    if found is None:
        raise GitFailed("git is not installed")
    return found


def _read(process: subprocess.Popen[bytes], call: GitCall) -> tuple[bytes, bool]:
    """Read standard output up to its end, the size limit or the deadline."""
    assert process.stdout is not None
    deadline = time.monotonic() + call.timeout_seconds
    parts: list[bytes] = []
    left = call.max_bytes
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(max(deadline - time.monotonic(), 0)):
                raise GitTooSlow(f"git {call.arguments[0]} took more than {call.timeout_seconds:g} s")
            part = os.read(process.stdout.fileno(), 1 << 20)
            if not part:
                return b"".join(parts), False
            parts.append(part[:left])
            left -= len(part)
            if left < 0:
                return b"".join(parts), True


def _end(process: subprocess.Popen[bytes], call: GitCall) -> int:
    try:
        return process.wait(timeout=call.timeout_seconds)
    except subprocess.TimeoutExpired as error:
        raise GitTooSlow(f"git {call.arguments[0]} took more than {call.timeout_seconds:g} s") from error


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing running: git and whatever it started are one process group."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _first_line(errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = errors.read(4_000).decode("utf-8", "replace").strip().split("\n")
    return "".join(c if c.isprintable() else "?" for c in lines[0])[:300]
