"""The home is closed to other users: from its first moment on, and again when it is found open."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from codegen_platform.artifacts.storage import FolderStorage
from codegen_platform.private_home import HomeUnusable, make_private, refuse_unusable
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


@pytest.fixture
def closed_home(tmp_path: Path):
    """A home that this process may not enter; root, who enters everything, takes another effective user for as long."""
    home = tmp_path / "closed"
    home.mkdir(mode=0o000)
    opened = [folder for folder in tmp_path.parents if folder.stat().st_uid == os.geteuid() and folder != Path("/")]
    before = {folder: mode(folder) for folder in (tmp_path, *opened)}
    me = os.geteuid()
    if me == 0:
        for folder in before:
            folder.chmod(before[folder] | 0o011)
        os.seteuid(65534)
    yield home
    os.seteuid(me)
    for folder, found in before.items():
        folder.chmod(found)


def test_a_home_that_is_closed_to_this_user_is_refused_and_not_blamed_on_a_file_in_it(closed_home: Path) -> None:
    assert load_settings({"CODEGEN_HOME": str(closed_home)}).home == closed_home
    for refuse in (refuse_unusable, make_private):
        with pytest.raises(HomeUnusable, match="may not read and write it; run as its owner, or set CODEGEN_HOME"):
            refuse(closed_home)


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("file", "it is not a folder"),
        ("file/home", "cannot be made"),
        ("/proc/home", "cannot be made"),
        ("/dev/null", "it is not"),
    ],
)
def test_a_home_that_cannot_be_a_folder_is_refused(tmp_path: Path, place: str, why: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeUnusable, match=why):
        make_private(tmp_path / place)


def test_a_home_that_is_missing_is_made_only_when_it_is_needed(tmp_path: Path) -> None:
    refuse_unusable(tmp_path / "home")
    assert not (tmp_path / "home").exists()
