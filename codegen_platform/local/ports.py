"""TCP ports on loopback: which are free, and which answer."""

from __future__ import annotations

import errno
import socket

from codegen_platform.local.errors import LocalFailure

LOOPBACK = "127.0.0.1"


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Return whether a server could listen on the port now; a connection in TIME_WAIT does not count as in use."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise LocalFailure(f"nothing can listen on {host}, port {port}: {error.strerror}") from error
    return True


def choose(remembered: int | None = None) -> int:
    """Return a free port: the remembered one if it is still free, so that addresses survive a restart."""
    if remembered and is_free(remembered):
        return remembered
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
    return port


def accepts(port: int, host: str = LOOPBACK) -> bool:
    """Return whether something on the port accepts connections."""
    try:
        socket.create_connection((host, port), timeout=0.5).close()
    except OSError:
        return False
    return True
