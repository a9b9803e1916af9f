"""No shape of text makes an analyser slow: processor time for 100 kB of each, which `./dev bench shapes` measures for a megabyte."""

from __future__ import annotations

import pytest

from bench.shape_costs import costs_of
from bench.slow_shapes import SHAPES
from codegen_platform.artifacts import SkipReason

SIZE = 100_000
LIMIT_SECONDS = 1.0
"""0.05 is the goal; the rest is for starting ruff, and for slow machines. What is quadratic takes minutes for a megabyte."""


def test_there_are_shapes_enough_in_languages_enough() -> None:
    assert len(SHAPES) >= 40
    assert len({path.rpartition(".")[2] for path, _ in SHAPES.values()}) >= 12


@pytest.mark.parametrize("name", SHAPES)
def test_no_shape_makes_an_analyser_slow(name: str) -> None:
    costs = list(costs_of(SHAPES[name], size=SIZE, limit_seconds=LIMIT_SECONDS))

    assert costs
    assert {cost.analyser: cost.cpu_seconds for cost in costs if cost.cpu_seconds > LIMIT_SECONDS / 2} == {}
    assert [cost.analyser for cost in costs if cost.unread is SkipReason.ANALYSIS_TIMEOUT] == []
