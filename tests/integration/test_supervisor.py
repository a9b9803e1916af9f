"""The supervisor runs a set of processes as one: all are ready, or none is left."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from codegen_platform.heartbeat import last_beat, mark_down
from codegen_platform.local import ports
from codegen_platform.local.errors import ChildFailed, PortInUse, ProgramMissing
from codegen_platform.local.identity import Identity
from codegen_platform.local.processes import Program
from codegen_platform.local.supervised import Progress, Supervised
from codegen_platform.local.supervisor import Supervisor

STAY = "import pathlib, time; pathlib.Path('{name}.ready').touch(); time.sleep(600)"
STAY_WITH_A_CHILD = (
    "import pathlib, subprocess, sys, time;"
    "child = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(600)']);"
    "pathlib.Path('grandchild').write_text(str(child.pid)); pathlib.Path('{name}.ready').touch(); time.sleep(600)"
)
DEAF = (
    "import pathlib, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "pathlib.Path('{name}.ready').touch(); time.sleep(600)"
)
FAIL = "import sys; print('no such thing as a flux capacitor'); sys.exit(3)"


@pytest.fixture
def process(tmp_path: Path) -> Callable[..., Supervised]:
    def describe(name: str, code: str = STAY, **given: object) -> Supervised:
        program = Program(
            name=name,
            command=(sys.executable, "-S", "-c", code.format(name=name)),
            environment={"PATH": os.defpath},
            cwd=tmp_path,
            log=tmp_path / "logs" / f"{name}.log",
        )
        return Supervised(program=program, is_ready=(tmp_path / f"{name}.ready").exists, **given)  # type: ignore[arg-type]

    return describe


class Watched:
    """Collects progress and lets a test wait for a state instead of sleeping."""

    def __init__(self) -> None:
        self.seen: list[Progress] = []
        self._changed = threading.Condition()

    def __call__(self, progress: Progress) -> None:
        with self._changed:
            self.seen.append(progress)
            self._changed.notify_all()

    def wait_for(self, name: str, state: str, times: int = 1) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.order().count((name, state)) >= times, 20), self.seen

    def order(self) -> list[tuple[str, str]]:
        return [(progress.name, progress.state) for progress in self.seen]


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_a_process_starts_only_after_those_it_needs(process: Callable[..., Supervised], watched: Watched) -> None:
    needed, other = process("needed"), process("other")
    with Supervisor([process("needy", after=("needed",)), needed, other], on_progress=watched) as supervisor:
        supervisor.start()
        order = watched.order()
        assert order.index(("needy", "starting")) > order.index(("needed", "ready"))
        assert {name for name, state in order if state == "ready"} == {"needy", "needed", "other"}


def test_stopping_ends_every_process_and_what_they_started(process: Callable[..., Supervised], tmp_path: Path) -> None:
    with Supervisor([process("a"), process("b", STAY_WITH_A_CHILD, after=("a",))]) as supervisor:
        supervisor.start()
        pids = [*supervisor.pids.values(), int((tmp_path / "grandchild").read_text())]
        assert all(Identity.of(pid) for pid in pids)
    assert not any(Identity.of(pid) for pid in pids)


def test_what_needs_others_is_stopped_before_them(process: Callable[..., Supervised], tmp_path: Path) -> None:
    farewell = (
        "import pathlib, signal, sys, time;"
        "signal.signal(signal.SIGTERM, lambda *_: (open('order', 'a').write('{name} '), sys.exit(0)));"
        "pathlib.Path('{name}.ready').touch(); time.sleep(600)"
    )
    below, above = process("below", farewell), process("above", farewell, after=("below",))
    with Supervisor([below, above]) as supervisor:
        supervisor.start()
    assert (tmp_path / "order").read_text().split() == ["above", "below"]


def test_a_process_that_does_not_listen_is_killed_after_its_grace(process: Callable[..., Supervised]) -> None:
    with Supervisor([process("deaf", DEAF, stop_grace_seconds=0.1)]) as supervisor:
        supervisor.start()
        pid = supervisor.pids["deaf"]
    assert Identity.of(pid) is None


def test_a_crashed_process_is_started_again(process: Callable[..., Supervised], watched: Watched) -> None:
    with Supervisor([process("a")], on_progress=watched, restart_delays_seconds=(0.01,)) as supervisor:
        supervisor.start()
        before = supervisor.pids["a"]
        os.kill(before, signal.SIGKILL)
        watched.wait_for("a", "ready", times=2)
        assert supervisor.pids["a"] != before
        assert "code -9" in next(progress.detail for progress in watched.seen if progress.state == "restarting")


def test_a_process_that_keeps_ending_waits_longer_each_time_and_the_others_go_on(
    process: Callable[..., Supervised], watched: Watched
) -> None:
    brief = "import pathlib, time; pathlib.Path('{name}.ready').touch(); time.sleep(0.5)"
    processes = [process("a", brief), process("b")]
    with Supervisor(processes, on_progress=watched, restart_delays_seconds=(0.01, 0.02)) as supervisor:
        supervisor.start()
        watched.wait_for("a", "restarting", times=3)
        told = [one.detail for one in watched.seen if one.state == "restarting"]
        assert [detail.partition("; ")[2] for detail in told[:3]] == [
            "start 1 in 0.01 s",
            "start 2 in 0.02 s",
            "start 3 in 0.02 s",
        ]
        supervisor.check()
        assert Identity.of(supervisor.pids["b"])


BREATHE = (
    "import os, pathlib, time; file = os.environ['CODEGEN_INTERNAL_HEARTBEAT']\n"
    "pathlib.Path(file).touch(); pathlib.Path('{name}.ready').touch()\n"
    "while True: os.utime(file, (time.monotonic(),) * 2); time.sleep(0.05)"
)


def test_a_process_that_was_stopped_is_killed_and_started_again(
    process: Callable[..., Supervised], watched: Watched, tmp_path: Path
) -> None:
    heartbeat = tmp_path / "beats"
    breathing = process("a", BREATHE, heartbeat=heartbeat, silence_limit_seconds=1.0)
    environment = {**breathing.program.environment, "CODEGEN_INTERNAL_HEARTBEAT": str(heartbeat)}
    breathing = replace(breathing, program=replace(breathing.program, environment=environment))
    with Supervisor([breathing, process("b")], on_progress=watched, restart_delays_seconds=(0.01,)) as supervisor:
        supervisor.start()
        before, other = supervisor.pids["a"], supervisor.pids["b"]
        os.kill(before, signal.SIGSTOP)
        watched.wait_for("a", "ready", times=2)
        assert Identity.of(before) is None
        assert supervisor.pids["b"] == other
        assert "sent no heartbeat" in next(one.detail for one in watched.seen if one.state == "restarting")


def test_a_process_is_ready_only_when_it_has_left_a_sign_of_life_since_it_was_started(
    process: Callable[..., Supervised], watched: Watched, tmp_path: Path
) -> None:
    heartbeat = tmp_path / "beats"
    mark_down(heartbeat)
    (tmp_path / "a.ready").touch()  # as a daemon that another one's signs make look healthy
    slow = "import os, time; time.sleep(1); os.utime('beats', (time.monotonic(),) * 2); time.sleep(600)"
    asleep = process("a", slow, heartbeat=heartbeat, silence_limit_seconds=30.0)
    with Supervisor([asleep], on_progress=watched) as supervisor:
        supervisor.start()
        assert (last_beat(heartbeat) or 0) > 0


def test_a_process_that_no_longer_answers_is_killed_and_started_again(
    process: Callable[..., Supervised], watched: Watched, tmp_path: Path
) -> None:
    is_deaf = tmp_path / "deaf"
    asked = process("a", heartbeat=tmp_path / "beats", answers=lambda: not is_deaf.exists(), silence_limit_seconds=0.5)
    with Supervisor([asked], on_progress=watched, restart_delays_seconds=(0.01,)) as supervisor:
        supervisor.start()
        before = supervisor.pids["a"]
        is_deaf.touch()
        watched.wait_for("a", "restarting")
        is_deaf.unlink()
        watched.wait_for("a", "ready", times=2)
        assert Identity.of(before) is None


def test_a_process_that_cannot_leave_signs_of_life_is_let_be(
    process: Callable[..., Supervised], watched: Watched, tmp_path: Path
) -> None:
    (tmp_path / "full").touch()  # no file can be made below it, as on a full disk
    quiet = process("a", heartbeat=tmp_path / "full" / "beats", silence_limit_seconds=0.01)
    with Supervisor([quiet, process("b")], on_progress=watched) as supervisor:
        supervisor.start()
        before = supervisor.pids["a"]
        os.kill(supervisor.pids["b"], signal.SIGKILL)
        watched.wait_for("b", "ready", times=2)
        assert supervisor.pids["a"] == before


def test_a_process_that_never_comes_up_is_not_tried_again(process: Callable[..., Supervised], watched: Watched) -> None:
    said = r"bad ended with code 3 while starting .*flux capacitor"
    both = [process("good"), process("bad", FAIL)]
    with Supervisor(both, on_progress=watched) as supervisor, pytest.raises(ChildFailed, match=said):
        supervisor.start()
    assert ("bad", "restarting") not in watched.order()
    assert not any(Identity.of(pid) for pid in supervisor.pids.values())


def test_a_process_that_is_never_ready_is_given_up_and_ended(process: Callable[..., Supervised]) -> None:
    slow = process("slow", "import time; time.sleep(600)", start_timeout_seconds=0.2)
    with Supervisor([slow]) as supervisor, pytest.raises(ChildFailed, match=r"slow was not ready after 0\.2 s"):
        supervisor.start()
    assert Identity.of(supervisor.pids["slow"]) is None


def test_a_missing_program_is_named(process: Callable[..., Supervised], tmp_path: Path) -> None:
    program = Program(name="x", command=("/no/such/program",), environment={}, cwd=tmp_path, log=tmp_path / "x.log")
    said = r"/no/such/program cannot be started \(No such file"
    with (
        Supervisor([Supervised(program=program, is_ready=lambda: True)]) as supervisor,
        pytest.raises(ProgramMissing, match=said),
    ):
        supervisor.start()


def test_a_taken_port_is_refused_before_anything_starts(process: Callable[..., Supervised]) -> None:
    with socket.socket() as listener:
        listener.bind((ports.LOOPBACK, 0))
        listener.listen()
        port = listener.getsockname()[1]
        with Supervisor(
            [process("a"), process("b", listens_on=((ports.LOOPBACK, port, "CODEGEN_GATEWAY__PORT"),))]
        ) as supervisor:
            with pytest.raises(PortInUse, match=rf"port {port}, which b needs, is in use by .*\(pid {os.getpid()}\)"):
                supervisor.start()
            assert not supervisor.pids


def test_a_port_taken_while_a_process_is_down_is_waited_for(
    process: Callable[..., Supervised], watched: Watched
) -> None:
    port = ports.choose()
    listening = process("a", listens_on=((ports.LOOPBACK, port, "CODEGEN_GATEWAY__PORT"),))
    with Supervisor([listening], on_progress=watched, restart_delays_seconds=(0.1,)) as supervisor:
        supervisor.start()
        with socket.socket() as listener:
            listener.bind((ports.LOOPBACK, port))
            listener.listen()
            os.kill(supervisor.pids["a"], signal.SIGKILL)
            watched.wait_for("a", "restarting", times=3)
            assert f"port {port}, which a needs" in watched.seen[-1].detail
        watched.wait_for("a", "ready", times=2)


def test_an_interrupt_while_starting_leaves_nothing(process: Callable[..., Supervised], watched: Watched) -> None:
    never = process("never", "import time; time.sleep(600)")
    supervisor = Supervisor([never, process("a")], on_progress=watched)

    def interrupt() -> None:
        watched.wait_for("a", "ready")
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt), supervisor:
        supervisor.start()
    assert len(supervisor.pids) == 2
    assert not any(Identity.of(pid) for pid in supervisor.pids.values())


def test_a_second_interrupt_while_stopping_kills_what_is_left(
    process: Callable[..., Supervised], watched: Watched
) -> None:
    supervisor = Supervisor([process("deaf", DEAF, stop_grace_seconds=60)])
    supervisor.start()
    pid = supervisor.pids["deaf"]
    threading.Timer(0.2, lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        supervisor.stop()
    assert Identity.of(pid) is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child to its parent")
def test_a_killed_supervisor_takes_its_processes_along(tmp_path: Path) -> None:
    import subprocess

    script = """
import os, sys
from pathlib import Path
from codegen_platform.local.processes import Program
from codegen_platform.local.supervised import Supervised
from codegen_platform.local.supervisor import Supervisor
program = Program(name="a", command=(sys.executable, "-S", "-c", "import time; time.sleep(600)"),
                  environment={}, cwd=Path.cwd(), log=Path.cwd() / "a.log")
supervisor = Supervisor([Supervised(program=program, is_ready=lambda: True)])
supervisor.start()
print(supervisor.pids["a"], flush=True)
supervisor.wait()
"""
    checkout = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=tmp_path, env={"PYTHONPATH": str(checkout)}, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        child = Identity.of(int(parent.stdout.readline()))
        assert child is not None
        parent.kill()
    with_deadline = threading.Event()
    for _ in range(200):
        if not child.is_alive():
            break
        with_deadline.wait(0.02)
    assert not child.is_alive()
