"""Programs that the blocks of the documentation are typed with; the platform itself needs none of them."""

from __future__ import annotations

import os
import shutil

import pytest

PATH = os.environ["PATH"]
NEEDED = ("bash", "curl", "jq")

needs_shell_tools = pytest.mark.skipif(
    not all(map(shutil.which, NEEDED)), reason=f"not all on this machine ({', '.join(NEEDED)}): .ci/system-packages.txt"
)
