"""Which git is installed."""

from __future__ import annotations

import re
import shutil
import subprocess


def git_version() -> tuple[int, int] | None:
    """Return major and minor version of the git on PATH, None without one. Asking for it reads no repository."""
    program = shutil.which("git")
    if program is None:
        return None
    said = subprocess.run(
        [program, "--version"], cwd="/", env={}, capture_output=True, text=True, timeout=10, check=False
    ).stdout
    found = re.search(r"(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else None
