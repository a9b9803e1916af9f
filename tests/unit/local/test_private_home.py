"""The home is closed to other users: from its first moment on, and again when it is found open."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from codegen_platform.artifacts.storage import FolderStorage
from codegen_platform.private_home import make_private
from codegen_platform.publishing.marker_secret import ensure_marker_secret
from codegen_platform.settings import ensure_webhook_secret, load_settings

PROCESSES = ("codegen_platform.gateway", "codegen_platform.publishing")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


@pytest.fixture(autouse=True)
def usual_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_a_new_home_is_closed_whatever_the_umask_is(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    assert make_private(home) == ""
    assert mode(home) == 0o700


@pytest.mark.parametrize("found", [0o755, 0o750, 0o701, 0o777])
def test_an_open_home_is_closed_and_that_is_said(tmp_path: Path, found: int) -> None:
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(found)
    assert f"{home} was open to other users" in make_private(home)
    assert mode(home) == 0o700
    assert make_private(home) == ""


def test_a_folder_that_all_users_share_is_left_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    assert "set CODEGEN_HOME to a folder of your own" in make_private(tmp_path)
    assert mode(tmp_path) == 0o1777


def test_the_first_secret_is_put_into_a_closed_home(tmp_path: Path) -> None:
    for number, make in enumerate((_webhook_secret, ensure_marker_secret)):
        home = tmp_path / str(number)
        assert make(home)
        assert (mode(home), mode(home / "secrets")) == (0o700, 0o700)


def _webhook_secret(home: Path) -> SecretStr:
    return ensure_webhook_secret(load_settings({"CODEGEN_HOME": str(home)}))


def test_artifacts_are_their_owners_alone(tmp_path: Path) -> None:
    FolderStorage(tmp_path).write("reviews/one.json", b"{}")
    assert mode(tmp_path / "reviews" / "one.json") == 0o600


@pytest.mark.parametrize("module", PROCESSES)
def test_a_process_keeps_its_files_private(tmp_path: Path, module: str) -> None:
    """It stops at its missing database; what is printed is the umask that it chose before."""
    watch = (
        "import os, runpy\n"
        f"try: runpy.run_module({module!r}, run_name='__main__')\n"
        "except SystemExit: print(oct(os.umask(0)))\n"
    )
    done = subprocess.run(
        (sys.executable, "-c", watch),
        env={"CODEGEN_HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.strip() == "0o77", done.stderr
