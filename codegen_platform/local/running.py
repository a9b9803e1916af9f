"""Whether a platform runs on a home, and where: the lock says whether, the file says where."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from codegen_platform.local.composition import Addresses
from codegen_platform.local.identity import Identity
from codegen_platform.local.locks import ExclusiveLock


@dataclass(frozen=True, kw_only=True, slots=True)
class RunningPlatform:
    """A platform that was completely started.

    Attributes:
        pid: the process that supervises it (`codegen-platform up`).
        started: its start, in Unix seconds.
        mark: what its processes carry in their environment.
        addresses: where it answers.
        pids: name of each process -> process id, when it was last written.
    """

    pid: int
    started: float
    mark: str
    addresses: Addresses
    pids: Mapping[str, int]


def platform_lock(home: Path) -> ExclusiveLock:
    """Return the lock that a platform holds on its home."""
    return ExclusiveLock(home / "run" / "platform.lock", holds=f"the platform of {home}")


def running(home: Path) -> RunningPlatform | None:
    """Return the platform that runs on the home; None if there is none, or it is still starting."""
    lock = platform_lock(home)
    known = recorded(home)
    return known if known and lock.is_held() and lock.holder() == known.pid else None


def recorded(home: Path) -> RunningPlatform | None:
    """Return what the last platform wrote about itself, whether it still runs or not; None if it ended in order."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        found = json.loads((home / "run" / "platform.json").read_text())
        return RunningPlatform(**{**found, "addresses": Addresses(**found["addresses"])})
    return None


def record(home: Path, *, mark: str, addresses: Addresses, pids: Mapping[str, int]) -> None:
    """Write where this process's platform is."""
    from os import getpid

    me = Identity.of(getpid())
    state = RunningPlatform(
        pid=getpid(), started=me.started if me else 0.0, mark=mark, addresses=addresses, pids=dict(pids)
    )
    file = home / "run" / "platform.json"
    draft = file.with_name("platform.json.new")
    draft.write_text(json.dumps(asdict(state), indent=1))
    draft.replace(file)


def forget(home: Path) -> None:
    """Remove what was written: the platform ended in order."""
    (home / "run" / "platform.json").unlink(missing_ok=True)
