"""The socket of the code server can be reached by its owner only, wherever the home is."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest

from codegen_platform.local.errors import LocalFailure
from codegen_platform.local.sockets import accepts, is_reachable_once_made, socket_path


@pytest.fixture
def far(tmp_path: Path):
    home = tmp_path / ("a" * 120) / "home"
    yield home
    shutil.rmtree(socket_path(home, "x").parent, ignore_errors=True)


def test_it_lies_in_the_home_where_its_path_is_short(tmp_path: Path) -> None:
    assert socket_path(tmp_path, "x") == tmp_path / "run" / "x.sock"
    assert not accepts(tmp_path / "run" / "x.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "run" / "x.sock"))
        listener.listen()
        assert accepts(tmp_path / "run" / "x.sock")


def test_a_long_home_has_its_own_short_private_folder(far: Path) -> None:
    path = socket_path(far, "x")
    assert len(str(path)) < 100
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert socket_path(far, "x") == path
    assert socket_path(far.with_name("other"), "x") != path
    shutil.rmtree(socket_path(far.with_name("other"), "x").parent)


@pytest.mark.parametrize("how", ["open", "link"])
def test_a_folder_created_by_someone_else_is_refused(far: Path, tmp_path: Path, how: str) -> None:
    folder = socket_path(far, "x").parent
    if how == "open":
        folder.chmod(0o777)
    else:
        folder.rmdir()
        folder.symlink_to(tmp_path)
    with pytest.raises(LocalFailure, match="made by another user"):
        socket_path(far, "x")
    if how == "link":
        folder.unlink()
        folder.mkdir(mode=0o700)
    folder.chmod(0o700)


def test_a_listener_that_lost_its_socket_file_is_not_reachable_although_it_lives(tmp_path: Path) -> None:
    path = tmp_path / "x.sock"
    is_reachable = is_reachable_once_made(path)
    assert is_reachable()  # it may still be starting
    with socket.socket(socket.AF_UNIX) as first:
        first.bind(str(path))
        first.listen()
        assert is_reachable()
        path.unlink()
        assert not is_reachable()
        with socket.socket(socket.AF_UNIX) as second:
            second.bind(str(path))
            second.listen()
            assert is_reachable()
