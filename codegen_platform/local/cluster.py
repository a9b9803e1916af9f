"""The folder of an embedded PostgreSQL: `cluster` (its data) beside `password`, made in one step or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from codegen_platform.local.accounts import Runnable
from codegen_platform.local.errors import DataUnusable, LocalFailure
from codegen_platform.local.identity import Identity, works_in
from codegen_platform.local.processes import OURS, Account
from codegen_platform.private_home import PRIVATE_UMASK

DATABASES = ("codegen", "dagster")
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
LEFTOVER_GRACE_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Cluster:
    """A data folder, the server program for it, and the account that owns the files."""

    folder: Path
    server: Runnable
    account: Account
    durable: bool

    @property
    def data(self) -> Path:
        """PostgreSQL's own folder."""
        return self.folder / "cluster"

    @property
    def seen(self) -> str:
        """The data folder as the server opens it.

        Another account than ours may not be allowed to walk there (/root, `mktemp -d`), so it is started inside the
        folder and opens it as its working folder.
        """
        return str(self.data) if self.account == OURS else "/proc/self/cwd"

    def prepare(self) -> None:
        """Make the cluster if it is new, and make sure that a server can start on it.

        Raises:
            DataUnusable: it was written by another major version, is no cluster, or could not be created.
            LocalFailure: an earlier server is still there and does not end.
        """
        try:
            is_new = not self.folder.exists() or not any(self.folder.iterdir())
        except PermissionError:
            raise DataUnusable(
                f"{self.folder} belongs to another user: run as that user, or set another CODEGEN_HOME"
            ) from None
        if is_new:
            self._create()
        self._check_version()
        self._end_leftover()
        self._give_to_account()

    def state(self) -> tuple[int, str]:
        """Return pid and status (`starting`, `ready`, `stopping`) from the server's pid file; (0, "") without one."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            return int(lines[0]), lines[7].strip() if len(lines) > 7 else ""
        except (OSError, ValueError, IndexError):
            return 0, ""

    def _create(self) -> None:
        """Make a cluster with its password and databases beside the folder, then move it there."""
        fresh = Cluster(
            folder=self.folder.with_name(f"{self.folder.name}.new"),
            server=self.server,
            account=self.account,
            durable=self.durable,
        )
        shutil.rmtree(fresh.folder, ignore_errors=True)
        fresh._fill()
        fresh.folder.rename(self.folder)

    def _fill(self) -> None:
        self.data.mkdir(parents=True, mode=0o700)
        self.folder.chmod(0o700)
        password = self.folder / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24))
        if self.account.uid is not None and self.account.gid is not None:
            for path in (self.folder, self.data, password):
                os.chown(path, self.account.uid, self.account.gid)
        access = ("-U", "postgres", "--auth=scram-sha-256", f"--pwfile={self.seen}/../password")
        # The password is random, so hashing it thousands of times would only make every connection slower.
        options = ("-E", "UTF8", "--no-locale", "--no-instructions", "-c", "scram_iterations=1")
        self._run("initdb", "-D", self.seen, *access, *options, *(() if self.durable else ("--no-sync",)))
        # Single-user mode: the databases exist before the server first listens.
        wanted = "".join(f"CREATE DATABASE {name}\n" for name in DATABASES)
        self._run("postgres", "--single", "-D", self.seen, *(() if self.durable else ("-F",)), "postgres", given=wanted)

    def _give_to_account(self) -> None:
        """Give the files to the account if another one has them: earlier releases let the database run as `nobody`."""
        uid, gid = self.account.uid, self.account.gid
        if uid is None or gid is None or self.folder.stat().st_uid == uid:
            return
        for path in (
            *self.folder.rglob("*"),
            self.folder,
        ):  # the folder last: its owner marks completion, even after a kill
            os.chown(path, uid, gid, follow_symlinks=False)

    def _run(self, program: str, *arguments: str, given: str = "") -> None:
        """Run one of PostgreSQL's programs inside the data folder; DataUnusable, with what it said, if it fails."""
        answer = subprocess.run(
            (str(self.server.path.with_name(program)), *arguments),
            cwd=self.data,
            env=ENVIRONMENT,
            input=given,
            capture_output=True,
            text=True,
            errors="replace",
            process_group=0,
            check=False,
            user=self.account.uid,
            group=self.account.gid,
            extra_groups=self.account.groups,
            umask=PRIVATE_UMASK,
        )
        if answer.returncode != 0 or "ERROR:" in answer.stderr:
            said = " ".join((answer.stderr or answer.stdout).split())[-400:]
            raise DataUnusable(f"PostgreSQL could not create its data in {self.folder.parent}: {said}")

    def _check_version(self) -> None:
        try:
            written_by = (self.data / "PG_VERSION").read_text().strip()
        except OSError:
            raise DataUnusable(
                f"{self.folder} holds something that is not PostgreSQL data: move it away, or set another CODEGEN_HOME"
            ) from None
        ours = self.server.version.split()[-1].split(".")[0]
        if written_by != ours:
            raise DataUnusable(
                f"the data in {self.folder} was written by PostgreSQL {written_by}, but {ours} is installed: go back to the "
                f"release that wrote it and dump it with pg_dump, or move the folder away to start empty"
            )

    def _end_leftover(self) -> None:
        """Stop a server that outlived whoever started it; forget a pid file whose process is not that server.

        PostgreSQL itself refuses to start when the pid in a stale file now belongs to any process of the same user.
        """
        pid, _ = self.state()
        server = Identity.of(pid) if pid and works_in(pid, name="postgres", folder=self.data) else None
        if server is not None:
            os.kill(pid, signal.SIGINT)
            deadline = time.monotonic() + LEFTOVER_GRACE_SECONDS
            while server.is_alive():
                if time.monotonic() > deadline:
                    raise LocalFailure(
                        f"an earlier PostgreSQL (pid {pid}) on {self.folder} does not end: stop it first"
                    )
                time.sleep(0.02)
        (self.data / "postmaster.pid").unlink(missing_ok=True)
