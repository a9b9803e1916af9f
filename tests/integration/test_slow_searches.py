"""Up to a megabyte of any shape is read in time that grows with its length alone."""

from __future__ import annotations

import time

import pytest

from codegen_platform.analysis import AnalysisOptions
from codegen_platform.analysis.analysers.conflicts import ConflictMarkers
from codegen_platform.analysis.analysers.hidden import HiddenCharacters
from codegen_platform.analysis.analysers.secrets import Secrets
from codegen_platform.analysis.analysing import analyse_with
from tests.unit.analysis.made_up import UPPER, made_up
from tests.unit.analysis.snapshots import changed, snapshot_of

SIZE = 1_000_000
KEYS = [f"AKIA{made_up(16, UPPER, seed=seed)}" for seed in range(SIZE // 21)]
MANY_SECONDS = 6.0
"""What was quadratic took longer than this on an idle machine; each of these takes less than half a second there."""

SHAPES = {
    "keys on one line": " ".join(KEYS),
    "keys on lines of their own": "\n".join(KEYS[:20_000]),
    "stand-ins on one line": " ".join(key[:13] + "EXAMPLE" for key in KEYS[:20_000]),
    "frames of keys": "-----BEGIN PRIVATE KEY-----\n" * (SIZE // 28),
    "tag characters on one line": "\U000e0041" * (SIZE // 4),
    "flags that never end": "\U0001f3f4" * (SIZE // 8) + "\U000e0041" * (SIZE // 8),
    "a mark of order on every line": "\u202e\n" * (SIZE // 10),
    "one odd letter behind many plain ones": ("a" * 19_900 + "\u0430\n") * 50,
    "empty lines": "\n" * (SIZE // 10),
    "markers of conflicts": "<<<<<<< a\n=======\n>>>>>>> b\n" * (SIZE // 90),
    "fences": "~~~\n```\n" * (SIZE // 40),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_text_of_any_shape_is_searched_within_seconds(shape: str) -> None:
    text = SHAPES[shape]
    patch = f"@@ -0,0 +1,{text.count(chr(10)) + 1} @@\n" + "\n".join("+" + line for line in text.split("\n")) + "\n"
    snapshot = snapshot_of(changed("docs/a.md" if shape == "fences" else "src/a.py", "", patch=patch, head_text=text))
    analysers = (Secrets(), HiddenCharacters(), ConflictMarkers())
    started = time.thread_time()

    result = analyse_with(analysers, snapshot, options=AnalysisOptions())

    assert time.thread_time() - started < MANY_SECONDS
    assert not any("too long" in (tool.error or "") for tool in result.tools)
