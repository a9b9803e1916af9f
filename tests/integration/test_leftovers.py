"""What an earlier platform left running when it was killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from codegen_platform.local import ports
from codegen_platform.local.environment import HOME, MARK
from codegen_platform.local.platform import end_leftovers

STUBBORN = """
import signal, socket, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listens", flush=True)
time.sleep(600)
"""


@pytest.fixture
def port() -> int:
    return ports.choose()


@pytest.fixture
def stubborn(tmp_path: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """A process of a platform on this home which was never recorded: it was killed while it was starting."""
    environment = {**os.environ, HOME: str(tmp_path), MARK: "0123456789abcdef"}
    with subprocess.Popen(
        [sys.executable, "-c", STUBBORN, str(port)], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "listens\n"
        yield process
        process.kill()


def test_the_ports_of_what_does_not_want_to_end_are_free_afterwards(
    stubborn: subprocess.Popen[str], tmp_path: Path, port: int
) -> None:
    assert not ports.is_free(port)
    end_leftovers(tmp_path, grace_seconds=0.3)
    assert ports.is_free(port)


def test_processes_of_another_home_and_of_no_platform_are_left_alone(
    stubborn: subprocess.Popen[str], tmp_path: Path
) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], env={HOME: str(tmp_path)}) as person:
        end_leftovers(tmp_path / "other", grace_seconds=0.1)
        assert stubborn.poll() is None
        end_leftovers(tmp_path, grace_seconds=0.1)
        assert person.poll() is None
        person.kill()
