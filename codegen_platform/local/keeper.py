"""The parent of one shared server: `python -m codegen_platform.local.keeper NAME HOME`, started by `shared`.

It starts the server, prints one line of JSON (`port`, or `failure`), brings the server back when it crashes, and stops it
when nobody uses it any more. It knows no secret and touches nothing but the home.
"""

from __future__ import annotations

import contextlib
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

RESTART_DELAYS_SECONDS = (0.2, 1.0, 3.0, 5.0, 10.0)
STABLE_AFTER_SECONDS = 60.0
LOOK_SECONDS = 3.0
SILENCE_LIMIT_SECONDS = 15.0
"""Shorter than the processes' limit: they wait for the servers and would look hung themselves."""


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
        """Return 0 once the server is stopped because nobody uses it any more. Failures to run may be temporary."""
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=self._end).start())
        threading.Thread(target=self._end_when_unused, daemon=True).start()
        tries = 0
        while not self._ending.is_set():
            ready_at = time.monotonic()
            happened = self._watch()
            if self._ending.is_set():
                break
            tries = 0 if time.monotonic() - ready_at >= STABLE_AFTER_SECONDS else tries
            tries = self._bring_back(happened, tries)
        self._server.stop()
        return 0

    def _watch(self) -> str:
        """Return the cause of the server's end: it exited, or did not answer for too long and was killed."""
        answered_at = time.monotonic()
        while (code := self._server.wait(LOOK_SECONDS)) is None and not self._ending.is_set():
            began = time.monotonic()
            if self._server.answers():
                answered_at = time.monotonic()
            elif began - answered_at > SILENCE_LIMIT_SECONDS:
                self._server.kill()
                return f"did not answer for {began - answered_at:.0f} s and was killed"
        return f"ended with code {code}"

    def _bring_back(self, happened: str, tries: int) -> int:
        """Restart the server with increasing delays; return the number of tries. Until it runs, the failure is on record."""
        while not self._ending.is_set():
            said = " | ".join(logs.last_lines(self._places.server_log, 3))
            self._say(happened)
            self._report(f"{self._server.name} {happened} (log: {self._places.server_log}): {said}")
            self._server.stop()
            delay = RESTART_DELAYS_SECONDS[min(tries, len(RESTART_DELAYS_SECONDS) - 1)]
            tries += 1
            if self._ending.wait(delay):
                break
            try:
                self._server.start()
                self._report()
                break
            except (LocalFailure, OSError) as error:
                happened = f"did not start: {error}"
        return tries

    def _end_when_unused(self) -> None:
        """Wait for every user's lock to be gone, then end the server; new users wait until we are gone too."""
        users = os.open(self._places.users_lock, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(users, fcntl.LOCK_EX)
        self._end()

    def _end(self) -> None:
        self._ending.set()
        self._server.stop()

    def _report(self, failure: str = "") -> None:
        state = KeptState(
            keeper_pid=os.getpid(), server_pid=self._server.pid or 0, port=self._server.port, failure=failure
        )
        with contextlib.suppress(
            OSError
        ):  # the disk is full: the port stays the same, and the next report has the rest
            self._places.write_state(state)

    def _say(self, happened: str) -> None:
        with contextlib.suppress(OSError):
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
