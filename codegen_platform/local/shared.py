"""A server that several processes of one home use together: the first starts it, the last one to leave stops it.

Who uses it is not counted in a file, which a killed process would leave wrong, but by a shared lock that every user holds
and that the system takes back however the user ends. A small process of its own, the keeper, is the server's parent; it
waits for the lock to be free and then stops the server. See `keeper`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

from codegen_platform.local import logs
from codegen_platform.local.errors import ChildFailed, LocalFailure
from codegen_platform.local.identity import Identity
from codegen_platform.local.locks import ExclusiveLock, locked
from codegen_platform.local.postgres import EmbeddedPostgres
from codegen_platform.local.server import EmbeddedServer
from codegen_platform.local.valkey import EmbeddedValkey
from codegen_platform.private_home import PRIVATE_UMASK, make_private

SERVERS: dict[str, type[EmbeddedServer]] = {"postgres": EmbeddedPostgres, "valkey": EmbeddedValkey}
KEEPER_TIMEOUT_SECONDS = 90.0


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptState:
    """What a keeper tells about its server: kept in a file, so that the port is the same the next time."""

    keeper_pid: int
    server_pid: int
    port: int
    failure: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedPlaces:
    """The files of one shared server below a home."""

    home: Path
    name: str

    @property
    def state_file(self) -> Path:
        """Port and pids, as JSON."""
        return self.home / "run" / f"{self.name}.json"

    @property
    def users_lock(self) -> Path:
        """Held shared by every user."""
        return self.home / "run" / f"{self.name}.users"

    @property
    def joining_lock(self) -> Path:
        """Held by the one process that looks whether it must start a keeper."""
        return self.home / "run" / f"{self.name}.joining"

    @property
    def keeper_log(self) -> Path:
        """What the keeper has to say."""
        return self.home / "logs" / f"{self.name}-keeper.log"

    @property
    def server_log(self) -> Path:
        """What the server has to say."""
        return self.home / "logs" / f"{self.name}.log"

    def keeper_lock(self) -> ExclusiveLock:
        """Return the lock that the keeper holds as long as it lives."""
        return ExclusiveLock(self.home / "run" / f"{self.name}.keeper", holds=f"the embedded {self.name}")

    def server(self, port: int | None = None) -> EmbeddedServer:
        """Return the server of this home, not started."""
        return SERVERS[self.name](self.home / self.name, port, log=self.server_log)

    def read_state(self) -> KeptState | None:
        """Return the last known state; None if there is none that can be read."""
        with contextlib.suppress(OSError, ValueError, TypeError):
            return KeptState(**json.loads(self.state_file.read_text()))
        return None

    def write_state(self, state: KeptState) -> None:
        """Replace the state file in one step."""
        self.state_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self.state_file.with_suffix(".new")
        draft.write_text(json.dumps(asdict(state)))
        draft.replace(self.state_file)


class SharedServer:
    """One user's hold on a shared server of a home."""

    _environment: ClassVar[dict[str, str]] = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}

    def __init__(self, home: Path, name: str) -> None:
        """Describe the hold; nothing is started before `join`. `name` is a key of `SERVERS`."""
        self.places = SharedPlaces(home=home.absolute(), name=name)
        self.started = False
        self._users: int | None = None
        self._keeper: subprocess.Popen[bytes] | None = None
        self._owner = os.getpid()

    def join(self) -> EmbeddedServer:
        """Return the running server, described by its address; it keeps running at least until `leave`.

        Raises:
            LocalFailure: it could not be started; the sentence says why.
        """
        make_private(self.places.home)
        with locked(self.places.joining_lock):
            self._users = os.open(self.places.users_lock, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(self._users, fcntl.LOCK_SH)  # waits while a keeper is stopping its server
                port = self._running_port() or self._start_keeper()
            except BaseException:
                self.leave()
                raise
        return self.places.server(port)

    def leave(self) -> None:
        """Give up the hold. The last user to leave stops the server and returns when it is gone. Idempotent."""
        users, self._users = self._users, None
        if users is None or os.getpid() != self._owner:  # a forked child shares our lock and must not touch it
            return
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            # Others use it, or the keeper was faster and is stopping the server: the latter is worth waiting for.
            fcntl.flock(users, fcntl.LOCK_SH)
        else:
            self._stop_keeper()
        finally:
            os.close(users)

    def wait_until_lost(self) -> str:
        """Block until the keeper ends and return what is to be said about it: the server is gone."""
        self.places.keeper_lock().wait_until_free()
        state = self.places.read_state()
        if state and state.failure:
            return state.failure
        return f"the embedded {self.places.name} ended (log: {self.places.server_log})"

    def _running_port(self) -> int | None:
        """Return the port of a server that runs already, waiting for one that is being started; None if there is none."""
        deadline = time.monotonic() + KEEPER_TIMEOUT_SECONDS
        lock = self.places.keeper_lock()
        while lock.is_held() and time.monotonic() < deadline:
            state = self.places.read_state()
            if state and state.keeper_pid == lock.holder() and Identity.of(state.server_pid) and not state.failure:
                return state.port
            time.sleep(0.02)
        if lock.is_held() and (state := self.places.read_state()) and state.failure:
            raise LocalFailure(state.failure)
        return None

    def _start_keeper(self) -> int:
        logs.rotate(self.places.keeper_log)
        complaints = logs.open_for_append(self.places.keeper_log)
        checkout = str(Path(__file__).parents[2])
        self._keeper = subprocess.Popen(
            (sys.executable, "-m", "codegen_platform.local.keeper", self.places.name, str(self.places.home)),
            env=self._environment | {"PYTHONPATH": checkout},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            start_new_session=True,
            umask=PRIVATE_UMASK,
        )
        os.close(complaints)
        assert self._keeper.stdout is not None
        with self._keeper.stdout as answer:
            said = json.loads(answer.readline() or b"{}")
        if "port" in said:
            self.started = True
            return int(said["port"])
        self._keeper.wait()
        if "failure" in said:
            raise LocalFailure(said["failure"])
        log = self.places.keeper_log
        raise ChildFailed(
            name=self.places.name, happened="could not be started", log=log, last_lines=logs.last_lines(log)
        )

    def _stop_keeper(self) -> None:
        if self._keeper is not None:
            self._keeper.terminate()
            self._keeper.wait()
        lock = self.places.keeper_lock()
        while keeper := lock.holder():
            with contextlib.suppress(ProcessLookupError):
                os.kill(keeper, signal.SIGTERM)
            lock.wait_until_free()
