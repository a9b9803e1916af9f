"""CPU time and memory of a whole tree, read from /proc."""

import subprocess
import sys
import time

import pytest

from bench import processes
from bench.processes import Process, parse_stat, tree

BURN = "sum(range(20_000_000))"
STAT = "17 (a (b) c) S 4 17 17 0 -1 4194560 100 200 0 0 10 20 300 400 20 0 1 0 5 6 7"


def test_a_process_counts_with_its_ended_children_whatever_its_name():
    assert parse_stat(STAT, 100) == Process(pid=17, parent=4, cpu_seconds=7.3)


def test_a_tree_is_a_process_with_its_descendants_and_nobody_else():
    family = {1: 0, 10: 1, 11: 10, 12: 11, 20: 1}
    known = {pid: Process(pid=pid, parent=parent, cpu_seconds=1.0) for pid, parent in family.items()}
    assert [process.pid for process in tree(10, known)] == [10, 11, 12]


def test_the_tree_of_nobody_is_empty():
    assert tree(10, {}) == []


@pytest.mark.skipif(not processes.is_measurable(), reason="needs /proc")
def test_what_an_ended_child_used_is_still_counted():
    code = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BURN!r}]); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        parent.stdout.readline()
        used = processes.cpu_seconds(parent.pid)
        own = sum(map(int, (processes.PROC / str(parent.pid) / "stat").read_text().split(") ")[1].split()[11:13]))
    assert used > 0.1
    assert own < used * 100


@pytest.mark.skipif(not processes.is_measurable(), reason="needs /proc")
def test_the_memory_of_a_tree_includes_its_children():
    child = "x = bytearray(60_000_000); print(flush=True); import sys; sys.stdin.read()"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        parent.stdout.readline()
        assert 55 < processes.memory_mib(parent.pid) < 120


@pytest.mark.skipif(not processes.is_measurable(), reason="needs /proc")
def test_leftovers_of_a_home_are_found_by_environment_arguments_or_folder_and_killed(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    wait = [sys.executable, "-c", "import time; time.sleep(60)"]
    left = [
        subprocess.Popen(wait, env={"CODEGEN_HOME": str(home)}),
        subprocess.Popen([*wait, str(home / "log")]),
        subprocess.Popen(wait, cwd=home),
    ]
    other = subprocess.Popen(wait)
    deadline = time.monotonic() + 10
    while set(processes.belonging_to(home)) != {one.pid for one in left} and time.monotonic() < deadline:
        time.sleep(0.05)
    try:
        assert processes.end_leftovers(home) == len(left)
        assert [one.wait(5) for one in left] == [-9, -9, -9]
        assert other.poll() is None
    finally:
        for one in (*left, other):
            one.kill()
            one.wait()
