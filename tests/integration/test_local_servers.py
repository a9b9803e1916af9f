"""The embedded PostgreSQL and Redis: they start on any folder, for any user, and after any end."""

from __future__ import annotations

import os
import pwd
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from codegen_platform.local import accounts, ports
from codegen_platform.local.errors import ChildFailed, DataUnusable, Locked, PortInUse
from codegen_platform.local.identity import Identity
from codegen_platform.local.postgres import EmbeddedPostgres
from codegen_platform.local.server import EmbeddedServer
from codegen_platform.local.valkey import EmbeddedValkey

CHECKOUT = Path(__file__).parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture(scope="module")
def kept_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a space in its name, below one that only its owner may enter, shared by the tests of this module."""
    folder = tmp_path_factory.mktemp("closed") / "a home"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def postgres(kept_folder: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(kept_folder / "postgres") as server:
        yield server


@pytest.fixture
def valkey(kept_folder: Path) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(kept_folder / "valkey") as server:
        yield server


def ask(server: EmbeddedPostgres, statement: str, database: str = "codegen") -> object:
    with psycopg.connect(server.url_of(database), autocommit=True) as connection:
        row = connection.execute(statement).fetchone()  # type: ignore[arg-type]
    return row[0] if row else None


@pytest.mark.parametrize("database", ["codegen", "dagster", "postgres"])
def test_postgres_has_the_databases_once_it_has_started(postgres: EmbeddedPostgres, database: str) -> None:
    assert ask(postgres, "SELECT current_database()", database) == database


def test_postgres_is_durable_by_default(postgres: EmbeddedPostgres) -> None:
    settings = {name: ask(postgres, f"SHOW {name}") for name in ("fsync", "full_page_writes", "data_checksums")}
    assert settings == {"fsync": "on", "full_page_writes": "on", "data_checksums": "on"}


def test_postgres_listens_on_loopback_alone_and_wants_the_password(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.url) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
        assert connection.execute("SHOW unix_socket_directories").fetchone() == ("",)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"postgresql://postgres:guess@127.0.0.1:{postgres.port}/codegen")


def test_the_password_is_in_no_argument_that_others_can_see(postgres: EmbeddedPostgres, valkey: EmbeddedValkey) -> None:
    for server in (postgres, valkey):
        password = (server.folder / "password").read_text()
        listed = subprocess.run(("ps", "-ww", "-o", "args=", "-p", str(server.pid)), capture_output=True, text=True)
        assert listed.stdout.strip()
        assert password not in listed.stdout


@as_root
def test_as_root_postgres_runs_as_a_user_of_its_own_without_opening_the_folders_above(
    postgres: EmbeddedPostgres,
) -> None:
    assert postgres.pid
    ours = pwd.getpwnam(accounts.SYSTEM_USER)
    assert Path(f"/proc/{postgres.pid}").stat().st_uid == ours.pw_uid
    assert ours.pw_uid not in {0, pwd.getpwnam("nobody").pw_uid}
    assert postgres.folder.parent.stat().st_mode & 0o077 == 0
    password = (postgres.folder / "password").stat()
    assert (password.st_uid, password.st_mode & 0o777) == (ours.pw_uid, 0o600)


@as_root
def test_as_root_data_owned_by_nobody_is_given_to_the_database_user(tmp_path: Path) -> None:
    nobody, folder = pwd.getpwnam("nobody"), tmp_path / "home" / "postgres"
    folder.parent.mkdir(mode=0o700)
    with EmbeddedPostgres(folder, durable=False) as server, psycopg.connect(server.url_of("codegen")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)
    with EmbeddedPostgres(folder, durable=False) as server:
        assert ask(server, "SELECT answer FROM kept") == 42
    owners = {path.lstat().st_uid for path in (folder, *folder.rglob("*"))}
    assert owners == {pwd.getpwnam(accounts.SYSTEM_USER).pw_uid}


def test_what_was_written_is_there_after_a_restart(postgres: EmbeddedPostgres, valkey: EmbeddedValkey) -> None:
    with psycopg.connect(postgres.url_of("codegen")) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (answer int)")
        connection.execute("INSERT INTO kept VALUES (42)")
    with redis.Redis.from_url(valkey.url) as client:
        client.set("kept", "yes")
    for server in (postgres, valkey):
        address = server.url
        server.stop()
        server.start()
        assert server.url == address
    assert ask(postgres, "SELECT max(answer) FROM kept") == 42
    with redis.Redis.from_url(valkey.url) as client:
        assert client.get("kept") == b"yes"


def test_postgres_starts_after_it_was_killed_with_everything_committed(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.url_of("codegen")) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS survived (answer int)")
        connection.execute("INSERT INTO survived VALUES (7)")
    assert postgres.pid
    os.kill(postgres.pid, signal.SIGKILL)
    assert postgres.wait(10) == -signal.SIGKILL
    assert (postgres.folder / "cluster" / "postmaster.pid").exists()
    postgres.stop()
    postgres.start()
    assert ask(postgres, "SELECT max(answer) FROM survived") == 7


def test_a_pid_file_whose_pid_now_belongs_to_somebody_else_does_not_matter(postgres: EmbeddedPostgres) -> None:
    postgres.stop()
    pid_file = postgres.folder / "cluster" / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n/somewhere\n1\n5432\n\n127.0.0.1\n\nready\n")
    postgres.start()
    assert ask(postgres, "SELECT 1") == 1
    assert Identity.of(os.getpid())


def test_a_server_that_outlived_its_starter_is_stopped_and_replaced(postgres: EmbeddedPostgres) -> None:
    """As on systems where nothing ties a child to its parent: the lock is free, the server still runs."""
    left = Identity.of(postgres.pid or 0)
    assert left
    postgres._lock.release()
    with EmbeddedPostgres(postgres.folder) as other:
        assert not left.is_alive()
        assert ask(other, "SELECT 1") == 1


@pytest.mark.parametrize("kind", [EmbeddedPostgres, EmbeddedValkey])
def test_a_second_server_on_the_same_folder_is_refused_with_the_pid_of_the_first(
    kind: type[EmbeddedServer], kept_folder: Path
) -> None:
    folder = kept_folder / {EmbeddedPostgres: "postgres", EmbeddedValkey: "valkey"}[kind]
    with kind(folder) as first:
        with pytest.raises(Locked, match=rf"in use by process {os.getpid()}"):
            kind(folder).start()
        assert first.wait(0.01) is None


@pytest.mark.parametrize("kind", [EmbeddedPostgres, EmbeddedValkey])
def test_a_taken_port_is_refused_with_who_holds_it(kind: type[EmbeddedServer], kept_folder: Path) -> None:
    folder = kept_folder / {EmbeddedPostgres: "postgres", EmbeddedValkey: "valkey"}[kind]
    with socket.socket() as listener:
        listener.bind((ports.LOOPBACK, 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(PortInUse, match=rf"port {port}, which {kind.name} needs, .*pid {os.getpid()}"):
            kind(folder, port).start()


def test_data_of_another_major_version_gets_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "pg" / "cluster").mkdir(parents=True)
    (tmp_path / "pg" / "cluster" / "PG_VERSION").write_text("15\n")
    with pytest.raises(DataUnusable, match=r"was written by PostgreSQL 15, but 18 is installed: go back"):
        EmbeddedPostgres(tmp_path / "pg").start()


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("ten years of work")
    with pytest.raises(DataUnusable, match="holds something that is not PostgreSQL data"):
        EmbeddedPostgres(tmp_path).start()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_interrupted_creation_is_done_again(tmp_path: Path) -> None:
    (tmp_path / "pg.new" / "cluster" / "base").mkdir(parents=True)
    (tmp_path / "pg.new" / "cluster" / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(tmp_path / "pg", durable=False) as server:
        assert ask(server, "SELECT 1") == 1
    assert not (tmp_path / "pg.new").exists()


def test_a_server_that_does_not_come_up_is_quoted(kept_folder: Path, postgres: EmbeddedPostgres) -> None:
    postgres.stop()
    configuration = postgres.folder / "cluster" / "postgresql.conf"
    whole = configuration.read_bytes()
    configuration.write_bytes(whole + b"\nmax_stack_depth = 'very deep'\n")
    try:
        with pytest.raises(ChildFailed, match=r"PostgreSQL ended with code 1 while starting .*max_stack_depth"):
            postgres.start()
    finally:
        configuration.write_bytes(whole)
    postgres.start()
    assert ask(postgres, "SELECT 1") == 1


@as_root
def test_binaries_that_nobody_cannot_reach_are_copied_once_to_where_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = pwd.getpwnam("nobody")
    package = tmp_path / "closed" / "site" / "tool"
    (package / "bin").mkdir(parents=True)
    program = package / "bin" / "server"
    program.write_text("#!/bin/sh\necho server 18.1\n")
    program.chmod(0o700)
    monkeypatch.setattr(accounts, "CACHE", Path("/tmp") / f"codegen-test-{os.getpid()}")
    account = accounts.Account(uid=nobody.pw_uid, gid=nobody.pw_gid, groups=())
    try:
        first = accounts.runnable_by(account, package=package, program="bin/server")
        assert first.version == "server 18.1"
        assert first.path.is_relative_to(accounts.CACHE)
        assert first.path.stat().st_uid == 0
        assert accounts.runnable_by(account, package=package, program="bin/server") == first
        assert len(list(accounts.CACHE.iterdir())) == 1
    finally:
        subprocess.run(("rm", "-r", str(accounts.CACHE)), check=True)


BECOME_AND_START = """
import encodings.idna, os, sys
from pathlib import Path
from codegen_platform.local.postgres import EmbeddedPostgres
from codegen_platform.local.valkey import EmbeddedValkey
home, user, group = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
os.setgroups([]); os.setgid(group); os.setuid(user)
with EmbeddedPostgres(home / "pg", durable=False) as postgres, EmbeddedValkey(home / "vk") as valkey:
    print(*(os.stat(f"/proc/{server.pid}").st_uid for server in (postgres, valkey)), (home / "pg").stat().st_uid)
"""


@as_root
def test_a_normal_user_runs_both_servers_as_itself(tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory() as home:
        os.chown(home, nobody.pw_uid, nobody.pw_gid)
        # It changes its user once everything is imported: the interpreter itself may lie where nobody can go.
        arguments = (home, str(nobody.pw_uid), str(nobody.pw_gid))
        done = subprocess.run(
            (sys.executable, "-c", BECOME_AND_START, *arguments),
            env={"PYTHONPATH": str(CHECKOUT)},
            capture_output=True,
            text=True,
            check=False,
        )
    if "cannot be started" in done.stderr:
        pytest.skip("this checkout is closed to other users")
    assert done.stdout.split() == [str(nobody.pw_uid)] * 3, done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child to its parent")
@pytest.mark.parametrize("kind", ["postgres.EmbeddedPostgres", "valkey.EmbeddedValkey"])
def test_a_server_ends_when_its_starter_is_killed(kind: str, kept_folder: Path) -> None:
    module, name = kind.split(".")
    script = (
        "import sys; from pathlib import Path;"
        f"from codegen_platform.local.{module} import {name} as Server;"
        "server = Server(Path(sys.argv[1])); server.start(); print(server.pid, flush=True); server.wait()"
    )
    with subprocess.Popen(
        (sys.executable, "-c", script, str(kept_folder / module)),
        env={"PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.PIPE,
    ) as starter:
        assert starter.stdout
        server = Identity.of(int(starter.stdout.readline()))
        assert server
        starter.kill()
    wait_until_gone(server)


def wait_until_gone(process: Identity) -> None:
    pause = threading.Event()
    for _ in range(500):
        if not process.is_alive():
            return
        pause.wait(0.02)
    pytest.fail(f"{process} is still there")
