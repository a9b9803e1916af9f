"""The servers of a home are shared by its processes: started once, stopped by the last to leave, never left behind."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from codegen_platform.local.errors import LocalFailure
from codegen_platform.local.identity import Identity
from codegen_platform.local.services import Services, ensure_services, for_dagster
from codegen_platform.local.shared import SharedPlaces

CHECKOUT = Path(__file__).parents[2]
USER = """
import sys
from pathlib import Path
from codegen_platform.local.services import ensure_services
with ensure_services(Path(sys.argv[1])) as services:
    print(services.redis_url, *services.started, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose PostgreSQL exists already, because making it is what takes long."""
    folder = tmp_path_factory.mktemp("home")
    with ensure_services(folder):
        return folder


def server_of(home: Path, name: str) -> Identity:
    state = SharedPlaces(home=home, name=name).read_state()
    assert state
    server = Identity.of(state.server_pid)
    assert server
    return server


def keeper_of(home: Path, name: str) -> Identity:
    pid = SharedPlaces(home=home, name=name).keeper_lock().holder()
    keeper = Identity.of(pid) if pid else None
    assert keeper
    return keeper


def wait_until_gone(*processes: Identity) -> None:
    pause = threading.Event()
    for _ in range(1000):
        if not any(process.is_alive() for process in processes):
            return
        pause.wait(0.02)
    pytest.fail(f"still there: {[process for process in processes if process.is_alive()]}")


@contextlib.contextmanager
def another_user(home: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that uses the servers of the home until its standard input ends."""
    with subprocess.Popen(
        (sys.executable, "-c", USER, str(home)),
        env={"PYTHONPATH": str(CHECKOUT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def answers(services: Services) -> bool:
    with psycopg.connect(services.database_url) as connection, redis.Redis.from_url(services.redis_url) as client:
        return connection.execute("SELECT 1").fetchone() == (1,) and bool(client.ping())


def test_both_servers_are_started_and_gone_afterwards(home: Path) -> None:
    with ensure_services(home) as services:
        assert services.started == ("postgres", "valkey")
        assert answers(services)
        alive = [server_of(home, "postgres"), server_of(home, "valkey"), keeper_of(home, "postgres")]
    assert not any(process.is_alive() for process in alive)


def test_dagster_gets_a_database_of_its_own_and_its_own_driver(home: Path) -> None:
    with ensure_services(home) as services:
        assert services.database_url.endswith("/codegen")
        assert services.dagster_database_url.startswith("postgresql+psycopg2://")
        assert services.dagster_database_url.endswith("/dagster")


def test_given_servers_are_used_and_nothing_is_started(tmp_path: Path) -> None:
    with ensure_services(tmp_path / "home", "postgresql://me@db/codegen", "rediss://cache:6380/1") as services:
        assert services == Services(
            database_url="postgresql://me@db/codegen",
            dagster_database_url="postgresql+psycopg2://me@db/codegen",
            redis_url="rediss://cache:6380/1",
        )
    assert not (tmp_path / "home").exists()


def test_only_what_is_not_given_is_started(home: Path) -> None:
    with ensure_services(home, "postgresql://me@db/codegen") as services:
        assert services.started == services.embedded == ("valkey",)
        assert not SharedPlaces(home=home, name="postgres").keeper_lock().is_held()


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2"])
def test_every_form_of_address_gets_the_driver_that_dagster_brings(scheme: str) -> None:
    assert for_dagster(f"{scheme}://u:p@h:5/d?x=1") == "postgresql+psycopg2://u:p@h:5/d?x=1"


def test_the_addresses_stay_the_same_over_a_restart(home: Path) -> None:
    with ensure_services(home) as before:
        pass
    with ensure_services(home) as after:
        assert (after.database_url, after.redis_url) == (before.database_url, before.redis_url)


def test_a_second_process_joins_and_the_servers_outlive_the_one_that_started_them(home: Path) -> None:
    with contextlib.ExitStack() as mine, another_user(home) as other:
        assert other.stdout
        address, *started = other.stdout.readline().split()
        assert started == ["postgres", "valkey"]
        services = mine.enter_context(ensure_services(home))
        assert services.started == ()
        assert services.redis_url == address
        other.communicate("\n")
        assert answers(services)
        last = server_of(home, "postgres")
        mine.close()
        assert not last.is_alive()


def test_a_killed_user_leaves_nothing_behind(home: Path) -> None:
    with another_user(home) as other:
        assert other.stdout
        assert other.stdout.readline()
        left = [finder(home, name) for finder in (server_of, keeper_of) for name in ("postgres", "valkey")]
        other.kill()
        wait_until_gone(*left)
    with ensure_services(home) as services:
        assert answers(services)


def test_processes_that_start_at_once_share_one_server(home: Path) -> None:
    with contextlib.ExitStack() as users:
        processes = [users.enter_context(another_user(home)) for _ in range(3)]
        said = [process.stdout.readline().split() for process in processes if process.stdout]
        assert len({address for address, *_ in said}) == 1
        assert sorted(name for _, *started in said for name in started) == ["postgres", "valkey"]


def test_a_crashed_server_comes_back_at_the_same_address(home: Path) -> None:
    with ensure_services(home) as services:
        crashed = server_of(home, "valkey")
        os.kill(crashed.pid, signal.SIGKILL)
        pause = threading.Event()
        for _ in range(500):
            with contextlib.suppress(redis.ConnectionError):
                if answers(services):
                    break
            pause.wait(0.02)
        assert answers(services)
        for _ in range(500):  # the keeper records the new server once it answers
            if (state := SharedPlaces(home=home, name="valkey").read_state()) and state.server_pid != crashed.pid:
                break
            pause.wait(0.02)
        assert server_of(home, "valkey") != crashed


def test_stopped_servers_are_killed_and_restart_with_their_data(home: Path) -> None:
    with ensure_services(home) as services:
        with psycopg.connect(services.database_url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        stopped = [server_of(home, name) for name in ("postgres", "valkey")]
        for server in stopped:
            os.kill(server.pid, signal.SIGSTOP)
        pause = threading.Event()
        for _ in range(900):
            if not any(server.is_alive() for server in stopped):
                break
            pause.wait(0.1)
        assert not any(server.is_alive() for server in stopped)
        for _ in range(300):
            with contextlib.suppress(redis.ConnectionError, psycopg.OperationalError):
                if answers(services):
                    break
            pause.wait(0.1)
        with psycopg.connect(services.database_url) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchall() == [(42,)]


def test_a_server_that_is_lost_for_good_is_reported_once_and_can_be_started_again(home: Path) -> None:
    said: queue.Queue[str] = queue.Queue()
    with ensure_services(home) as services:
        services.when_lost(said.put)
        os.kill(keeper_of(home, "valkey").pid, signal.SIGKILL)
        assert "the embedded valkey ended" in said.get(timeout=20)
        with ensure_services(home) as again:
            assert again.started == ("valkey",)
            assert answers(again)


def test_a_failed_start_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "postgres" / "cluster").mkdir(parents=True)
    (tmp_path / "postgres" / "cluster" / "PG_VERSION").write_text("15\n")
    with pytest.raises(LocalFailure, match="was written by PostgreSQL 15"), ensure_services(tmp_path):
        pass
    for name in ("postgres", "valkey"):
        assert not SharedPlaces(home=tmp_path, name=name).keeper_lock().is_held()


def test_the_keeper_is_told_no_secret(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-not-for-servers")
    with ensure_services(home):
        for process in (keeper_of(home, "postgres"), keeper_of(home, "valkey"), server_of(home, "valkey")):
            assert b"sk-not-for-servers" not in Path(f"/proc/{process.pid}/environ").read_bytes()
