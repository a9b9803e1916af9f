"""Processes of one kind on demand: each a fork of a warm server, which is started when it is first needed and again if it ended."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


class Forks:
    """Client of one fork server; a process that was forked from the client's may use it as well."""

    def __init__(self, module: str) -> None:
        """Make a client of a server that `python -m module NUMBER` starts; NUMBER is the socket to serve.

        The server gets no more of our environment than it needs to find its modules and its folder for temporary files: no secret.
        """
        self._module = module
        self._lock = threading.Lock()
        self._server: tuple[socket.socket, subprocess.Popen[bytes]] | None = None

    def start(self) -> None:
        """Start the server unless that has been done; returns before it is warm.

        Raises:
            OSError: it cannot be started.
        """
        with self._lock:
            self._started()

    def connect(self) -> socket.socket:
        """Return a connection to a new process; closing it, in whatever way, kills the process.

        Raises:
            OSError: there is no server, and none can be started.
        """
        ours, theirs = socket.socketpair()
        with theirs, self._lock:
            try:
                socket.send_fds(self._started(), [b"\0"], [theirs.fileno()])
            except ConnectionError:
                self._server = None
                socket.send_fds(self._started(), [b"\0"], [theirs.fileno()])
        return ours

    def _started(self) -> socket.socket:
        if self._server is None:
            ours, theirs = socket.socketpair()
            with theirs:
                process = subprocess.Popen(
                    [sys.executable, "-P", "-m", self._module, str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    env=_environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,  # a crashing tool quotes the text that crashed it
                    start_new_session=True,  # Ctrl-C in a terminal is for the client, which still waits for an answer
                )
            self._server = ours, process
        return self._server[0]


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("TMPDIR", "LD_LIBRARY_PATH") if name in os.environ}
    return {"PATH": os.defpath, "PYTHONPATH": str(_ROOT), **kept}
