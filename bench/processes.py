"""CPU time and memory of a tree of processes, from /proc: everything that a platform is made of, its servers included."""

from __future__ import annotations

import os
import signal
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
KIB = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """One process as /proc/<pid>/stat has it; `cpu_seconds` includes those of its children that ended."""

    pid: int
    parent: int
    cpu_seconds: float


def is_measurable() -> bool:
    """Return whether this system has the files that are read here; only Linux does."""
    return (PROC / "self" / "smaps_rollup").exists()


def parse_stat(text: str, ticks_a_second: int) -> Process:
    """Parse one /proc/<pid>/stat; the name in it may hold spaces and parentheses."""
    pid, _, rest = text.partition(" (")
    fields = rest.rpartition(") ")[2].split()
    ticks = sum(int(field) for field in fields[11:15])  # utime, stime, and both of children that were waited for
    return Process(pid=int(pid), parent=int(fields[1]), cpu_seconds=ticks / ticks_a_second)


def all_processes() -> dict[int, Process]:
    """Return every process of the system that we may look at, by pid."""
    ticks = os.sysconf("SC_CLK_TCK")
    found: dict[int, Process] = {}
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            with suppress(OSError, ValueError, IndexError):
                process = parse_stat((folder / "stat").read_text(errors="replace"), ticks)
                found[process.pid] = process
    return found


def tree(root: int, processes: Mapping[int, Process] | None = None) -> list[Process]:
    """Return a process and all its descendants, the root first; empty if it does not run."""
    known = all_processes() if processes is None else processes
    children: defaultdict[int, list[Process]] = defaultdict(list)
    for process in known.values():
        children[process.parent].append(process)
    found = [known[root]] if root in known else []
    for process in found:  # grows while it is walked
        found.extend(children[process.pid])
    return found


def cpu_seconds(root: int) -> float:
    """Return the CPU time that a tree has used so far."""
    return sum(process.cpu_seconds for process in tree(root))


def cpu_by_part(root: int, parts: Mapping[str, int]) -> dict[str, float]:
    """Return the CPU time of the named subtrees, and of what is left over under `other`."""
    processes = all_processes()
    seconds = {name: sum(one.cpu_seconds for one in tree(pid, processes)) for name, pid in parts.items()}
    total = sum(process.cpu_seconds for process in tree(root, processes))
    return seconds | {"other": max(0.0, total - sum(seconds.values()))}


def memory_mib(root: int) -> float:
    """Return the memory of a tree as proportional set size: shared pages count once, spread over those who share them."""
    return sum(_pss_kib(process.pid) for process in tree(root)) / KIB


def _pss_kib(pid: int) -> int:
    with suppress(OSError):  # it ended meanwhile
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def belonging_to(home: Path) -> Iterator[int]:
    """Yield the processes that work for this home, whoever their parent is by now."""
    mark = os.fsencode(str(home))
    for pid in all_processes():
        folder = PROC / str(pid)
        with suppress(OSError):
            facts = (
                (folder / "environ").read_bytes(),
                (folder / "cmdline").read_bytes(),
                os.fsencode((folder / "cwd").readlink()),
            )
            if pid != os.getpid() and any(mark in fact for fact in facts):
                yield pid


def kill_all(pids: list[int]) -> None:
    """Kill processes as a power cut would: all are halted first, so that none can react to the end of another."""
    for with_signal in (signal.SIGSTOP, signal.SIGKILL):
        for pid in pids:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, with_signal)


def end_leftovers(home: Path, *, patience_seconds: float = 5.0) -> int:
    """Kill what still works for a home; return how many there were at first."""
    deadline = time.monotonic() + patience_seconds
    first = left = list(belonging_to(home))
    while left and time.monotonic() < deadline:
        kill_all(left)
        time.sleep(0.1)
        left = list(belonging_to(home))
    return len(first)
