"""Locks, logs, ports and the record of a running platform."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from codegen_platform.local import logs, ports
from codegen_platform.local.composition import Addresses
from codegen_platform.local.errors import LocalFailure, Locked
from codegen_platform.local.identity import Identity, listener_on, marked
from codegen_platform.local.locks import ExclusiveLock
from codegen_platform.local.running import forget, platform_lock, record, recorded, running

CHECKOUT = Path(__file__).parents[3]
ADDRESSES = Addresses(
    gateway="http://g", webhooks="http://h", dagster="http://d", publisher_metrics="http://p", worker_metrics="http://w"
)
HOLD = """
import sys; from pathlib import Path
from codegen_platform.local.locks import ExclusiveLock
ExclusiveLock(Path(sys.argv[1]), holds="it").take(); print("held", flush=True); sys.stdin.read()
"""


def test_a_lock_is_held_by_one_process_and_names_it(tmp_path: Path) -> None:
    lock = ExclusiveLock(tmp_path / "a" / "lock", holds="the cake")
    assert not lock.is_held()
    lock.take()
    assert lock.is_held()
    assert lock.holder() == os.getpid()
    with pytest.raises(Locked, match=f"the cake is in use by process {os.getpid()}"):
        ExclusiveLock(tmp_path / "a" / "lock", holds="the cake").take()
    lock.release()
    assert lock.holder() is None


def test_a_lock_is_free_once_its_process_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen(
        (sys.executable, "-c", HOLD, str(path)),
        env={"PYTHONPATH": str(CHECKOUT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout
        holder.stdout.readline()
        lock = ExclusiveLock(path, holds="it")
        assert lock.holder() == holder.pid
        holder.kill()
    lock.wait_until_free()
    assert not lock.is_held()


def test_the_last_logs_are_kept_and_older_ones_go(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    for number in range(6):
        logs.rotate(log)
        log.write_text(str(number))
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "a.log": "5",
        "a.log.1": "4",
        "a.log.2": "3",
        "a.log.3": "2",
    }


def test_a_log_that_grows_too_long_is_emptied_under_its_writer_and_its_end_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    writer = logs.open_for_append(log)
    os.write(writer, b"old " * 100 + b"new " * 100)
    logs.cap(log, largest_bytes=500)
    os.write(writer, b"after")
    os.close(writer)
    assert log.read_bytes() == b"after"
    assert log.with_name("a.log.1").read_bytes().endswith(b"new new ")
    assert len(log.with_name("a.log.1").read_bytes()) == 250


def test_the_last_lines_of_a_log_are_safe_to_show(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"first\n\n\x1b[31mred\x1b[0m \x07bell\xff\n" + b"x" * 1000 + b"\n")
    assert logs.last_lines(log, 2) == ("red bell\ufffd", "x" * 300)
    assert logs.last_lines(tmp_path / "none.log") == ()


def test_a_port_is_free_until_somebody_listens_on_it() -> None:
    port = ports.choose()
    assert ports.is_free(port)
    with socket.socket() as listener:
        listener.bind((ports.LOOPBACK, port))
        listener.listen()
        assert not ports.is_free(port)
        assert ports.accepts(port)
        assert f"(pid {os.getpid()})" in (listener_on(port) or "")
        assert ports.choose(port) != port
    assert ports.choose(port) == port


def test_an_address_that_is_not_ours_is_not_called_taken() -> None:
    with pytest.raises(LocalFailure, match=r"nothing can listen on 203\.0\.113\.1"):
        ports.is_free(8001, "203.0.113.1")


def test_a_process_is_not_mistaken_for_a_later_one_with_its_pid() -> None:
    me = Identity.of(os.getpid())
    assert me
    assert me.is_alive()
    assert not Identity(pid=me.pid, started=me.started - 60).is_alive()


def test_processes_are_found_by_what_they_were_started_with() -> None:
    environment = {"CODEGEN_INTERNAL_PLATFORM": "a-mark-of-this-test"}
    with subprocess.Popen(
        (sys.executable, "-S", "-c", "input()"), env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert [found.pid for found in marked("CODEGEN_INTERNAL_PLATFORM", "a-mark-of-this-test")] == [child.pid]
        child.communicate(b"\n")


def test_a_platform_counts_as_running_only_while_its_process_holds_the_lock(tmp_path: Path) -> None:
    assert running(tmp_path) is None
    lock = platform_lock(tmp_path)
    lock.take()
    assert running(tmp_path) is None
    record(tmp_path, mark="m", addresses=ADDRESSES, pids={"gateway": 7})
    there = running(tmp_path)
    assert there
    assert (there.pid, there.addresses, there.pids) == (os.getpid(), ADDRESSES, {"gateway": 7})
    lock.release()
    assert running(tmp_path) is None
    assert recorded(tmp_path) == there
    forget(tmp_path)
    assert recorded(tmp_path) is None


def test_a_damaged_record_is_no_record(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "platform.json").write_text('{"pid": 1, "addresses": [')
    assert recorded(tmp_path) is None
