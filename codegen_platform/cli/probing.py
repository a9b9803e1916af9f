"""What `doctor` finds out about this machine and everything it is told to use: one probe per dependency."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from codegen_platform.errors import CodegenError
from codegen_platform.private_home import open_to_others
from codegen_platform.settings import Settings
from codegen_platform.settings.names import known_names
from codegen_platform.settings.secret_files import is_open_to_others

State = Literal["ok", "warn", "fail"]

GIGABYTE = 1024**3
DAGSTER_LIBRARY_OFFSET = 16
"""Dagster's integrations are released with it as 0.(minor + 16).patch: dagster 1.13.27 with dagster-postgres 0.29.27."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """What one probe found. `todo`: what a person should do, empty if nothing."""

    name: str
    state: State
    found: str
    todo: str = ""


def ok(name: str, found: str) -> Probe:
    """Return a probe that found what is needed."""
    return Probe(name=name, state="ok", found=found)


def warn(name: str, found: str, todo: str) -> Probe:
    """Return a probe that found something to improve."""
    return Probe(name=name, state="warn", found=found, todo=todo)


def fail(name: str, found: str, todo: str) -> Probe:
    """Return a probe that found something needed to be missing."""
    return Probe(name=name, state="fail", found=found, todo=todo)


def probe_all(probes: Sequence[tuple[str, Callable[[Settings], Probe]]], settings: Settings) -> tuple[Probe, ...]:
    """Run the probes side by side, return what they found in their order; one that breaks is a failure, not an end."""

    def run(named: tuple[str, Callable[[Settings], Probe]]) -> Probe:
        name, probe = named
        try:
            return probe(settings)
        except CodegenError as error:
            return fail(name, str(error), "see above")
        except OSError as error:
            return fail(name, _said(error), "check that this user may read and write there")
        except Exception as error:
            return fail(name, f"{type(error).__name__}: {error}", "this probe itself broke; report it")

    with ThreadPoolExecutor(max_workers=8) as pool:
        return tuple(pool.map(run, probes))


def _said(error: OSError) -> str:
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror or type(error).__name__}"


def _nearest_folder(home: Path) -> Path:
    """Return the home, or the nearest of its parents that this user can see."""
    for place in (home, *home.parents):
        with suppress(OSError):
            if place.exists():
                return place
    return Path("/")


def python(_: Settings) -> Probe:
    """Python 3.11 up to 3.14 is supported."""
    found = f"{platform.python_version()} at {sys.executable}"
    if (3, 11) <= sys.version_info[:2] < (3, 15):
        return ok("python", found)
    return fail("python", found, "use Python 3.11 to 3.14")


def git(_: Settings) -> Probe:
    """Git is needed to read repositories; 2.38 brought the guard against embedded bare repositories."""
    from codegen_platform.cli.git_version import git_version

    found = git_version()
    if found is None:
        return fail("git", "not found", "install git")
    text = ".".join(str(part) for part in found)
    if found < (2, 38):
        return warn("git", text, "2.38 or newer also refuses bare repositories hidden in a tree; update git")
    return ok("git", text)


def disk(settings: Settings) -> Probe:
    """The home holds the database, artifacts and logs."""
    folder = _nearest_folder(settings.home)
    free = shutil.disk_usage(folder).free / GIGABYTE
    found = f"{free:.1f} GB free for {settings.home}"
    todo = "free some space, or set CODEGEN_HOME to a larger disk"
    if free < 0.3:
        return fail("disk", found, todo)
    return warn("disk", found, todo) if free < 2 else ok("disk", found)


def dagster(_: Settings) -> Probe:
    """Dagster's packages only work together as one release."""
    try:
        core = version("dagster")
        same = {
            name: version(name) for name in ("dagster-webserver", "dagster-graphql", "dagster-pipes", "dagster-shared")
        }
        libraries = {name: version(name) for name in ("dagster-postgres", "dagster-aws", "dagster-celery")}
    except PackageNotFoundError as error:
        return fail("dagster", f"{error.name} is not installed", "run ./dev again to install it")
    release = core.split(".")
    expected = f"0.{int(release[1]) + DAGSTER_LIBRARY_OFFSET}.{release[2]}"
    wrong = [f"{name} {found}" for name, found in same.items() if found != core]
    wrong += [f"{name} {found}" for name, found in libraries.items() if found != expected]
    if wrong:
        return fail(
            "dagster", f"{core} with {', '.join(wrong)}", f"install {core} and {expected} together: run ./dev again"
        )
    return ok("dagster", f"{core} with {expected} libraries")


def webhook_secret(settings: Settings) -> Probe:
    """Deliveries are only taken when signed with this secret."""
    given = settings.github.webhook_secret
    if given is None and settings.environment == "production":
        return fail("webhook secret", "none", "set GITHUB_WEBHOOK_SECRET to the secret of the GitHub webhook")
    if given is None:
        return ok(
            "webhook secret", f"a random one in {settings.home / 'secrets' / 'webhook'}, created when it is needed"
        )
    if len(given.get_secret_value()) < 16:
        return warn("webhook secret", "shorter than 16 characters", "use a random one: openssl rand -hex 32")
    return ok("webhook secret", f"from {settings.origin_of('github.webhook_secret')}")


def secret_files(settings: Settings) -> Probe:
    """Check that only the owner can read files that hold secrets."""
    files = {file for name in known_names() if (file := settings.origin_of(name).secret_file)}
    if not files:
        return ok("secret files", "none given")
    open_files = sorted(str(file) for file in files if is_open_to_others(file))
    if open_files:
        return warn("secret files", f"all users can read {', '.join(open_files)}", f"chmod 600 {' '.join(open_files)}")
    return ok("secret files", ", ".join(sorted(map(str, files))))


def home(settings: Settings) -> Probe:
    """Everything the platform keeps on this machine is below its home."""
    nearest = _nearest_folder(settings.home)
    if not nearest.is_dir() or not _is_writable(nearest):
        why = f"{nearest} is not a readable and writable folder"
        return fail("home", why, "run as its owner, or set CODEGEN_HOME to your own folder")
    if settings.home.exists() and (mode := open_to_others(settings.home)):
        return fail("home", f"{settings.home} is open to other users ({mode})", f"chmod 700 {settings.home}")
    return ok("home", str(settings.home))


def _is_writable(folder: Path) -> bool:
    return os.access(folder, os.R_OK | os.W_OK | os.X_OK)
