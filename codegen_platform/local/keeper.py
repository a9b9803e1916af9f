"""The parent of one shared server: `python -m codegen_platform.local.keeper NAME HOME`, started by `shared`.

It starts the server, prints one line of JSON (`port`, or `failure`), brings the server back when it crashes, and stops it
when nobody uses it any more. It knows no secret and touches nothing but the home.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from codegen_platform.local import logs
from codegen_platform.local.errors import LocalFailure
from codegen_platform.local.shared import KeptState, SharedPlaces

RESTART_DELAYS_SECONDS = (0.2, 1.0, 3.0)
STABLE_AFTER_SECONDS = 60.0


class Keeper:
    """Keeps one server running for as long as somebody uses it."""

    def __init__(self, places: SharedPlaces) -> None:
        """Describe the keeper; nothing is started before `start`."""
        self._places = places
        self._server = places.server()
        self._ending = threading.Event()

    def start(self) -> int:
        """Start the server and return its port: the same as the last time if that is still free.

        Raises:
            LocalFailure: the server did not start.
        """
        state = self._places.read_state()
        logs.rotate(self._places.server_log)
        self._server.port = state.port if state else 0
        self._server.start()
        self._report()
        return self._server.port

    def keep(self) -> int:
        """Return once the server is stopped: 0 because nobody used it any more, 1 because it kept crashing."""
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=self._end).start())
        threading.Thread(target=self._end_when_unused, daemon=True).start()
        failures: list[float] = []
        while not self._ending.is_set():
            code = self._server.wait()
            if self._ending.is_set():
                break
            failures = [at for at in failures if time.monotonic() - at < STABLE_AFTER_SECONDS] + [time.monotonic()]
            self._say(f"ended with code {code}")
            if not self._bring_back(failures):
                return 1
        self._server.stop()
        return 0

    def _bring_back(self, failures: list[float]) -> bool:
        """Start the server again after a pause; False once it has failed too often, which is then on record."""
        while len(failures) <= len(RESTART_DELAYS_SECONDS):
            self._server.stop()
            if self._ending.wait(RESTART_DELAYS_SECONDS[len(failures) - 1]):
                return True
            try:
                self._server.start()
            except LocalFailure as error:
                self._say(str(error))
                failures.append(time.monotonic())
                continue
            self._report()
            return True
        said = " | ".join(logs.last_lines(self._places.server_log, 3))
        self._report(f"{self._server.name} crashed {len(failures)} times (log: {self._places.server_log}): {said}")
        return False

    def _end_when_unused(self) -> None:
        """Wait for every user's lock to be gone, then end the server; new users wait until we are gone too."""
        users = os.open(self._places.users_lock, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(users, fcntl.LOCK_EX)
        self._end()

    def _end(self) -> None:
        self._ending.set()
        self._server.stop()

    def _report(self, failure: str = "") -> None:
        self._places.write_state(
            KeptState(keeper_pid=os.getpid(), server_pid=self._server.pid or 0, port=self._server.port, failure=failure)
        )

    def _say(self, happened: str) -> None:
        print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {self._server.name}: {happened}", file=sys.stderr, flush=True)


def main(arguments: list[str]) -> int:
    """Run a keeper; the exit code is 0 after a clean end."""
    name, home = arguments
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # while starting; a started keeper ends in its own way
    places = SharedPlaces(home=Path(home), name=name)
    lock = places.keeper_lock()
    try:
        lock.take()
        keeper = Keeper(places)
        port = keeper.start()
    except LocalFailure as error:
        print(json.dumps({"failure": str(error)}), flush=True)
        return 1
    print(json.dumps({"port": port}), flush=True)
    # Whoever started us may end long before us: nothing more goes into the pipe to it.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    exit_code = keeper.keep()
    lock.release()  # before the users' lock, which goes with the process: who gets that must not take us for alive
    return exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
