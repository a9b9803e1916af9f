"""`./dev` installs once, says what is wrong in a sentence, and needs nothing but a POSIX shell.

The installers are doubles that write down what they were asked to do; continuous integration runs the real ones.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
SHELLS = [shell for shell in ("sh", "dash", "bash") if shutil.which(shell)]

PYTHON = """#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
case "$1 $2" in
"-c "*version_info*[\\(]3,*) exit "${FAKE_TOO_OLD:-0}" ;;
"-c "*ensurepip*) exit "${FAKE_NO_VENV:-0}" ;;
"-c "*print*) echo python3.12-venv ;;
"-V "*) echo Python 3.12.9 ;;
"-m venv")
    mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && echo "command = $0 -m venv $3" >"$3/pyvenv.cfg"
    printf '#!/bin/sh\\necho "uv $*" >>"$RECORD"\\nexit "${FAKE_UV_FAILS:-0}"\\n' >"$3/bin/uv"
    printf '#!/bin/sh\\necho "platform in $(pwd): $*; $(command -v python); home $HOME"\\n' >"$3/bin/codegen-platform"
    chmod +x "$3/bin/"* ;;
"-m pip")
    echo "pip $*" >>"$RECORD"
    sleep "${FAKE_SLOW:-0}"
    case "$*" in *"$FAKE_PIP_FAILS_ON"*) [ -z "${FAKE_PIP_FAILS:-}" ] || { echo "$FAKE_PIP_FAILS"; exit 1; } ;; esac ;;
"-m pytest") echo "pytest $*" ;;
esac
"""


RUNTIME_STEPS = 4  # the installer, the packages, the checkout, and the installer's removal


class Dev:
    """A checkout with a space in its path, and a PATH on which the only Python is a double."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a checkout"
        self.root.mkdir()
        for name in ("dev", "requirements.lock", "pyproject.toml"):
            shutil.copy(CHECKOUT / name, self.root / name)
        (self.root / ".ci").mkdir()
        for name in ("installer.lock", "development.lock"):
            shutil.copy(CHECKOUT / ".ci" / name, self.root / ".ci")
        self.programs = folder / "programs"
        self.programs.mkdir()
        (self.programs / "python3.12").write_text(PYTHON)
        (self.programs / "python3.12").chmod(0o755)
        tools = "sh cat cksum cp mkdir rm mv dirname pwd grep tail chmod sleep env mktemp sed"
        for tool in tools.split():
            (self.programs / tool).symlink_to(shutil.which(tool) or f"/bin/{tool}")
        self.home = folder / "home"
        self.home.mkdir()
        self._record = folder / "record"

    def environment(self, **given: str) -> dict[str, str]:
        known = {"PATH": str(self.programs), "RECORD": str(self._record), "HOME": str(self.home)}
        known["FAKE_PIP_FAILS_ON"] = "requirements.lock"
        return {name: value for name, value in (known | given).items() if value != "unset"}

    def run(
        self, *arguments: str, shell: str = "sh", cwd: Path | None = None, **given: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            (shutil.which(shell) or shell, str(self.root / "dev"), *arguments),
            env=self.environment(**given),
            cwd=cwd or self.root,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def installed(self) -> list[str]:
        """Return what the installers were asked to do, and forget it."""
        lines = self._record.read_text().splitlines() if self._record.exists() else []
        self._record.unlink(missing_ok=True)
        return lines


@pytest.fixture
def dev(tmp_path: Path) -> Dev:
    return Dev(tmp_path)


@pytest.mark.parametrize("shell", SHELLS)
def test_it_installs_with_hashes_alone_and_hands_over(dev: Dev, shell: str, tmp_path: Path) -> None:
    done = dev.run("review", "a path", shell=shell, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"platform in {tmp_path}: review a path; {dev.root}/.venv/bin/python; home {dev.home}\n"
    first, packages, checkout, _ = dev.installed()
    assert f"--require-hashes --no-deps -r {dev.root}/.ci/installer.lock" in first
    assert packages.startswith("uv pip install")
    assert f"--require-hashes --no-deps -r {dev.root}/requirements.lock" in packages
    assert f"--no-deps --no-build-isolation --editable {dev.root}" in checkout


def test_a_second_call_installs_nothing_and_says_nothing(dev: Dev) -> None:
    dev.run("doctor")
    dev.installed()
    again = dev.run("doctor")
    assert dev.installed() == []
    assert again.stderr == ""


@pytest.mark.parametrize("changed", ["requirements.lock", "pyproject.toml", ".ci/installer.lock", ".venv/pyvenv.cfg"])
def test_what_changed_is_installed_again(dev: Dev, changed: str) -> None:
    dev.run("doctor")
    dev.installed()
    with (dev.root / changed).open("a") as file:
        file.write("# changed\n")
    dev.run("doctor")
    assert len(dev.installed()) == RUNTIME_STEPS


def test_a_moved_checkout_gets_a_new_environment(dev: Dev) -> None:
    dev.run("doctor")
    (dev.root / ".venv" / "marker").touch()
    dev.root = dev.root.rename(dev.root.with_name("moved"))
    dev.installed()
    done = dev.run("doctor")
    assert "making .venv" in done.stderr
    assert not (dev.root / ".venv" / "marker").exists()


def test_an_installation_that_was_broken_off_is_done_again(dev: Dev) -> None:
    failed = dev.run("doctor", FAKE_UV_FAILS="1", FAKE_PIP_FAILS="no matching distribution")
    assert failed.returncode == 1
    assert "the packages could not be installed: no matching distribution" in failed.stderr.replace("\n", " ")
    assert dev.installed()
    (dev.root / ".venv" / "half a package").touch()
    assert dev.run("doctor").returncode == 0
    assert len(dev.installed()) == RUNTIME_STEPS
    assert not (dev.root / ".venv" / "half a package").exists()


def test_pip_does_what_uv_cannot(dev: Dev) -> None:
    done = dev.run("doctor", FAKE_UV_FAILS="1")
    assert done.returncode == 0
    assert "trying pip, which is slower" in done.stderr
    asked = f"install --no-compile --require-hashes --no-deps -r {dev.root}/requirements.lock"
    assert any(line.startswith("pip ") and asked in line for line in dev.installed())


def test_a_user_gets_no_development_tools_and_a_developer_gets_them_on_top(dev: Dev) -> None:
    dev.run("up")
    assert not any("development.lock" in line for line in dev.installed())
    for command in ("test", "check", "bench", "chaos"):
        dev.run(command)
        (dev.root / ".venv" / ".installed-development").unlink()
        steps = dev.installed()
        assert [line for line in steps if line.endswith(f"-r {dev.root}/.ci/development.lock")], command
        assert not any("uninstall" in line for line in steps)


def test_tools_that_changed_are_installed_for_developers_only(dev: Dev) -> None:
    dev.run("test")
    dev.installed()
    with (dev.root / ".ci" / "development.lock").open("a") as file:
        file.write("# changed\n")
    dev.run("up")
    assert dev.installed() == []
    dev.run("test")
    assert any("development.lock" in line for line in dev.installed())


def test_the_locks_agree_and_hold_no_address_and_no_development_tool_reaches_users() -> None:
    runtime, tools = (
        {line.split("==")[0]: line.split()[0] for line in (CHECKOUT / lock).read_text().splitlines() if "==" in line}
        for lock in ("requirements.lock", ".ci/development.lock")
    )
    shared = runtime.keys() & tools.keys()
    assert {name: runtime[name] for name in shared} == {name: tools[name] for name in shared}
    assert not runtime.keys() & {"moto", "mypy", "schemathesis", "hypothesis", "import-linter"}
    for lock in ("requirements.lock", ".ci/development.lock"):
        assert "://" not in (CHECKOUT / lock).read_text()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("NewConnectionError: [Errno -3] Temporary failure in name resolution", "no network"),
        ("error sending request: dns error: failed to lookup address information", "no network"),
        ("Failed to establish a new connection: [Errno 101] Network is unreachable", "no network"),
        ("ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed'))", "no network"),
        ("ConnectTimeoutError: Connection to index timed out. (connect timeout=15)", "no network"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed", "certificate of the package index"),
        ("error: failed to write: No space left on device (os error 28)", "the disk is full"),
        ("THESE PACKAGES DO NOT MATCH THE HASHES", "DO NOT MATCH THE HASHES"),
    ],
)
@pytest.mark.parametrize("fails_on", ["installer.lock", "requirements.lock"])
def test_a_failed_download_is_explained(dev: Dev, said: str, told: str, fails_on: str) -> None:
    done = dev.run("up", FAKE_UV_FAILS="1", FAKE_PIP_FAILS=said, FAKE_PIP_FAILS_ON=fails_on)
    assert done.returncode == 1
    assert told in done.stderr
    assert "install.log" in done.stderr


def test_two_calls_at_once_install_once(dev: Dev) -> None:
    command = (shutil.which("sh") or "sh", str(dev.root / "dev"), "doctor")
    both = [
        subprocess.Popen(command, env=dev.environment(FAKE_SLOW="0.3"), stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=60)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert len(dev.installed()) == RUNTIME_STEPS
    assert sorted(text.count(b"waiting for another ./dev") for text in said) == [0, 1]
    assert not (dev.root / ".codegen" / "install.lock").exists()


def test_the_lock_of_a_killed_installation_does_not_block(dev: Dev) -> None:
    lock = dev.root / ".codegen" / "install.lock"
    lock.mkdir(parents=True)
    with subprocess.Popen((sys.executable, "-c", "")) as ended:
        ended.wait()
    (lock / "pid").write_text(f"{ended.pid}\n")
    assert dev.run("doctor").returncode == 0
    assert not lock.exists()


def test_a_python_that_is_too_old_gets_a_sentence(dev: Dev) -> None:
    done = dev.run("up", FAKE_TOO_OLD="1")
    assert done.returncode == 1
    assert "Python 3.11 to 3.14 is needed and was not found on PATH" in done.stderr
    assert not (dev.root / ".venv").exists()


def test_a_python_without_venv_gets_the_name_of_the_package(dev: Dev) -> None:
    done = dev.run("up", FAKE_NO_VENV="1")
    assert done.returncode == 1
    assert "python3.12 cannot make virtual environments" in done.stderr
    assert "apt install python3.12-venv" in done.stderr


@pytest.mark.parametrize("home", ["unset", "", "/nonexistent"])
def test_a_home_that_cannot_be_used_is_replaced(dev: Dev, home: str) -> None:
    done = dev.run("doctor", HOME=home)
    assert done.returncode == 0
    assert f"home {dev.root}/.codegen/home" in done.stdout


def test_help_installs_nothing(dev: Dev) -> None:
    for arguments in ((), ("help",)):
        done = dev.run(*arguments)
        assert done.returncode == 0
        assert "./dev up" in done.stdout
    assert sorted(path.name for path in dev.root.iterdir()) == [".ci", "dev", "pyproject.toml", "requirements.lock"]


def test_what_follows_test_is_passed_to_pytest(dev: Dev) -> None:
    done = dev.run("test", "tests/unit", "-k", "two words")
    assert done.stdout == "pytest -m pytest -n 2 --dist loadfile tests/unit -k two words\n"


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("script", ["dev"])
def test_every_shell_can_read_it(script: str, shell: str) -> None:
    assert subprocess.run((shell, "-n", str(CHECKOUT / script)), check=False).returncode == 0
    assert os.access(CHECKOUT / script, os.X_OK)
