"""Builds the wheel; all of its facts are in pyproject.toml.

In a checkout the four folders that Dagster's users look for stand at the top. In site-packages they would collide with
anybody's `assets` or `jobs`, so the wheel carries them, and what else the top of a checkout holds for the running platform,
in one folder of the package: `codegen_platform/_checkout`.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

DAGSTER_FOLDERS = ("assets", "jobs", "resources", "sensors")
BESIDES = ("config", "examples/review", "dagster.yaml", "workspace.yaml")


class BuildWithCheckout(build_py):
    """Moves the top of the checkout into the package; an editable installation has the checkout itself."""

    def run(self) -> None:
        """Build the package, then copy the top of the checkout into it."""
        if self.editable_mode:
            super().run()
            return
        self.packages = [name for name in self.packages if name.split(".")[0] not in DAGSTER_FOLDERS]
        super().run()
        target = Path(self.build_lib, "codegen_platform", "_checkout")
        shutil.rmtree(target, ignore_errors=True)
        for name in (*DAGSTER_FOLDERS, *BESIDES):
            if Path(name).is_dir():
                shutil.copytree(name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(name, target)


setup(cmdclass={"build_py": BuildWithCheckout})
