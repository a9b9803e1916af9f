"""Starting and standing still: from nothing to the first review, from an existing home to the next, and what an idle platform takes."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from bench import processes, targets
from bench.background import GRACE_SECONDS, wait_until_ready
from bench.platform import START_SECONDS, command_line, example_outcome, printed, variables_for
from bench.rows import Row
from bench.setting import Setting
from codegen_platform.local.processes import Child

IDLE_SECONDS = 20.0
CALM_SECONDS = 5.0


def starts(bench: Setting) -> list[Row]:
    """Measure `up` on a new home, and then the first review of another start on the same home; without a model."""
    home = bench.folder / "starting-home"
    variables = variables_for(home, bench.given)
    bench.say("a start on a new home, and one more")
    try:
        cold, cold_end = _timed(bench.folder / "cold.log", variables, "up", "--once", "--json")
        change = next(one for one in bench.changes if one.size == "tiny")
        revisions = ("--base", change.base, "--head", change.head)
        folder = _checkout(bench.releases, bench.folder / "releases")
        warm, warm_end = _timed(bench.folder / "warm.log", variables, "review", str(folder), *revisions, "--json")
    finally:
        processes.end_leftovers(home)
    return [
        Row(what="`up` on a new home to the first review", unit="s", value=cold, note=cold_end),
        Row(
            what="start on an existing home to the first review",
            unit="s",
            value=warm,
            target=targets.WARM_START_S,
            note=warm_end,
        ),
    ]


def idle(bench: Setting) -> list[Row]:
    """Measure what a platform takes that has nothing to do."""
    if not processes.is_measurable():
        return [Row(what="idle memory", unit="MiB", value=None, note="needs /proc")]
    platform = bench.platform
    bench.say("an idle platform")
    time.sleep(CALM_SECONDS)
    parts = platform.parts
    memory = processes.memory_mib(platform.pid)
    by_part = {name: processes.memory_mib(pid) for name, pid in parts.items()}
    before = processes.cpu_by_part(platform.pid, parts)
    time.sleep(IDLE_SECONDS)
    cpu = {
        name: (now - before[name]) * 60 / IDLE_SECONDS
        for name, now in processes.cpu_by_part(platform.pid, parts).items()
    }
    return [
        Row(
            what="idle memory of all processes",
            unit="MiB",
            value=memory,
            target=targets.IDLE_MIB,
            note="PSS; " + _listed(by_part, "{:.0f}"),
        ),
        Row(what="CPU seconds a minute, idle", unit="s", value=sum(cpu.values()), note=_listed(cpu, "{:.1f}")),
    ]


def _listed(figures: dict[str, float], shape: str) -> str:
    ordered = sorted(figures.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {shape.format(figure)}" for name, figure in ordered)


def _timed(log: Path, variables: dict[str, str], *arguments: str) -> tuple[float, str]:
    """Run a command that reviews one change; return the seconds until its report is printed, and how it ended.

    Raises:
        NotStarted: no report came.
    """
    began = time.monotonic()
    child = Child(command_line(*arguments, log=log, variables=variables))
    try:
        wait_until_ready(child, lambda: printed(log), START_SECONDS)
        seconds = time.monotonic() - began
        code = child.wait(GRACE_SECONDS)
    finally:
        child.end(GRACE_SECONDS)
    stopped = f"all stopped {time.monotonic() - began - seconds:.1f} s later"
    return seconds, f"{example_outcome(log)}; " + (stopped if code == 0 else f"exit code {code}")


def _checkout(releases: Path, folder: Path) -> Path:
    subprocess.run(["git", "clone", "--quiet", "--no-checkout", str(releases), str(folder)], check=True)
    return folder
