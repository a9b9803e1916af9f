"""The table and the JSON say the same."""

import json

import pytest

from bench.__main__ import MEASUREMENTS, TAKES_MINUTES, main
from bench.rows import Row, Target
from bench.table import as_json, print_table

ROWS = [
    Row(
        what="delivery -> posted p50",
        unit="s",
        value=7.25,
        floor=2.2,
        target=Target(first_stage=6, goal=2.8),
        note="cold [x]",
    ),
    Row(
        what="deliveries",
        unit="/s",
        value=900.0,
        floor=1800.0,
        target=Target(first_stage=0.5, goal=0.6, at_least=True, of_ratio=True),
    ),
    Row(what="not there", unit="s", value=None, note="2 of 32 were not posted"),
]


def test_the_table_shows_figure_floor_ratio_targets_verdict_and_note(capsys):
    print_table(ROWS, {"cores": 2})
    lines = capsys.readouterr().out.splitlines()
    assert " ".join(lines[1].split()) == "delivery -> posted p50 7.25 s 2.20 s 3.30 <= 6 s <= 2.80 s missed cold [x]"
    assert ">= 0.5 x floor" in lines[2]
    assert "first stage met" in lines[2]
    assert " ".join(lines[3].split()) == "not there not measured 2 of 32 were not posted"
    assert lines[-1].strip() == "cores 2"


def test_json_carries_every_row_with_its_verdict():
    found = json.loads(json.dumps(as_json(ROWS, {"cores": 2})))
    assert [row["verdict"] for row in found["rows"]] == ["missed", "first stage met", "not measured"]
    assert found["rows"][1]["ratio"] == 0.5
    assert found["rows"][0]["target"]["goal"] == 2.8


def test_what_takes_minutes_can_be_asked_for_by_name(capsys):
    assert set(TAKES_MINUTES) < set(MEASUREMENTS)
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    shown = capsys.readouterr().out
    assert all(name in shown for name in TAKES_MINUTES)
