"""The wheel: installed into an empty environment, started in an empty folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from codegen_platform.local import ports

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCES = ("assets", "codegen_platform", "config", "examples", "jobs", "resources", "sensors")
FILES = ("MANIFEST.in", "README.md", "dagster.yaml", "pyproject.toml", "setup.py", "workspace.yaml")
PORTS = ("GATEWAY__PORT", "GATEWAY__PUBLIC_PORT", "DAGSTER__PORT", "PUBLISHER__METRICS_PORT", "WORKERS__METRICS_PORT")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: building writes beside the sources."""
    copy = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        shutil.copytree(CHECKOUT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(CHECKOUT / name, copy)
    built = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", built, copy)
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the wheel in it, which sees the packages that it needs."""
    folder = tmp_path_factory.mktemp("empty") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    _run(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", wheel)
    packages = _run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    # Only the folder: the link to this checkout, which is in there too, is followed in site-packages proper alone.
    Path(packages, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


def test_no_module_of_the_wheel_collides_with_other_packages(wheel: Path) -> None:
    import zipfile

    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert tops - {name for name in tops if name.endswith(".dist-info")} == {"codegen_platform"}


def test_an_installed_wheel_reviews_the_example_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    for name in ("assets", "jobs"):  # a user's own modules of these names are not taken for the platform's
        (tmp_path / f"{name}.py").write_text("raise AssertionError('a stranger was imported')\n")
    answer = json.loads(_run(installed / "codegen-platform", "up", "--once", "--json", cwd=tmp_path, **_environment()))
    assert answer["outcome"] == "reviewed"
    assert len(answer["findings"]) > 0
    assert (tmp_path / ".codegen" / "run").is_dir()


def _environment() -> dict[str, str]:
    return {f"CODEGEN_{name}": str(ports.choose()) for name in PORTS}


def _run(*command: object, cwd: Path | None = None, **environment: str) -> str:
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    path = f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=kept | {"PATH": path} | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
