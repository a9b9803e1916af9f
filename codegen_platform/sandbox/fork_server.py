"""A warm process that forks a child for each connection it receives, and kills the child when the connection closes.

A client ends a child only by closing its socket: this works after a time limit and also when the client itself is killed. The server
reaps a child that ends by itself, with all its descendants and temporary files.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from codegen_platform.sandbox.scratch import scratch_folder, sweep_scratch

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class ForkServer:
    """Serves one socket on which clients hand over connections; single-threaded, so that a fork meets no lock that is held."""

    def __init__(self, clients: socket.socket, serve: Callable[[socket.socket], None]) -> None:
        """Make a server that runs `serve` in a process of its own for each connection received from `clients`."""
        self._clients, self._serve = clients, serve
        self._ended, self._wakeup = os.pipe()
        os.set_blocking(self._wakeup, False)
        os.set_blocking(self._ended, False)
        self._connections: dict[int, socket.socket] = {}
        self._scratch = Path()
        self._poll = select.poll()

    def run(self) -> None:
        """Serve until the last client is gone; then kill the remaining children."""
        sweep_scratch()
        with scratch_folder("fork") as folder:
            self._scratch = Path(folder)
            self._run()
            for process in self._connections:
                _kill_group(process)

    def _run(self) -> None:
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakeup, warn_on_full_buffer=False)
        self._poll.register(self._clients, select.POLLIN)
        self._poll.register(self._ended, select.POLLIN)
        is_wanted = True
        while is_wanted:
            ready = [descriptor for descriptor, _ in self._poll.poll()]
            if self._ended in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._ended, 1 << 16)
            self._collect()
            for process in [pid for pid, each in self._connections.items() if each.fileno() in ready]:
                _kill_group(process)
            if self._clients.fileno() in ready:
                is_wanted = self._accept()

    def _accept(self) -> bool:
        """Fork for the next connection; return False if no client is left."""
        data, descriptors, _, _ = socket.recv_fds(self._clients, 1, 1)
        for descriptor in descriptors:
            connection = socket.socket(fileno=descriptor)
            process = os.fork()
            if process == 0:
                self._become(connection)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.setpgid(process, process)
            self._connections[process] = connection
            self._poll.register(connection, 0)  # asks for nothing; that the other end closed is reported all the same
        return bool(data)

    def _become(self, connection: socket.socket) -> None:
        """Be the process for this connection; never returns."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setpgid(0, 0)
            _end_with(os.getppid())
            for other in (self._clients, *self._connections.values()):
                other.close()
            os.close(self._ended)
            os.close(self._wakeup)
            folder = self._scratch / str(os.getpid())
            folder.mkdir()
            tempfile.tempdir = str(folder)
            self._serve(connection)
            status = 0
        finally:
            os._exit(status)

    def _collect(self) -> None:
        """Reap children that ended: kill their descendants, and send the signal that killed them as the last byte (0: none)."""
        for process in list(self._connections):
            ended, status = os.waitpid(process, os.WNOHANG)
            if not ended:
                continue
            _kill_group(process)
            shutil.rmtree(self._scratch / str(process), ignore_errors=True)
            connection = self._connections.pop(process)
            self._poll.unregister(connection)
            with contextlib.suppress(OSError):
                connection.setblocking(False)
                connection.send(bytes([os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0]))
            connection.close()


def _kill_group(process: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process, signal.SIGKILL)


def _end_with(parent: int) -> None:
    """Have Linux kill this process when the server dies, even of SIGKILL."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)
