"""Code that other projects reviewed and merged: what was said of it wrongly once is not said again, what was right still is.

A short form of `./dev bench --only precision`, which replays 448 whole changes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.analysis.snapshots import findings_in

PIECES = yaml.safe_load((Path(__file__).parent / "samples" / "merged.yaml").read_text("utf-8"))
ABOUT_THE_PIECE = {
    "ruff:F821",
    "ruff:PLE1142",
    "ruff:F704",
    "ruff:F706",
}  # names and functions that stand outside of it


@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: piece["path"])
def test_merged_code_is_judged_as_its_readers_did(piece: dict[str, Any]) -> None:
    found = {finding.source for finding in findings_in(piece["path"], piece["text"])}

    rules = {source for source in found - ABOUT_THE_PIECE if not source.startswith("syntax:")}
    assert rules == set(piece["found"])
