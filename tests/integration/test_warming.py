"""`warm` is called before a worker forks, `warm_up` before the analysis server does: what they leave behind must survive that."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from codegen_platform.analysis import warm

LOOK = """
import os, sys, threading, warnings
before = warnings.formatwarning
{begin}
files = [os.readlink(file) for file in map("/proc/self/fd/{{}}".format, os.listdir("/proc/self/fd")) if os.path.exists(file)]
sockets = sum(file.startswith("socket:") for file in files)
print(len(os.listdir("/proc/self/task")), threading.active_count(), sockets, warnings.formatwarning is before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads and sockets in /proc")
@pytest.mark.parametrize(
    ("begin", "sockets"),
    [
        ("from codegen_platform.analysis import warm; warm()", 1),  # the one that leads to the server
        ("from codegen_platform.analysis.warming import warm_up; warm_up()", 0),
    ],
)
def test_warming_starts_no_thread_and_changes_nothing_global(begin: str, sockets: int) -> None:
    look = LOOK.format(begin=begin)

    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, env={**os.environ})

    assert done.stdout.splitlines()[-1] == f"1 1 {sockets} True"


def test_warming_twice_is_harmless() -> None:
    warm()
    warm()

    assert threading.active_count() >= 1


def test_importing_the_room_loads_no_heavy_package() -> None:
    look = "import sys, codegen_platform.analysis; print([m for m in ('bandit', 'ast_grep_py', 'yaml') if m in sys.modules])"

    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)

    assert done.stdout.strip() in ("[]", "['yaml']")
