"""A megabyte of each shape that has made analysers slow: the processor time that each analyser needs for it."""

from __future__ import annotations

from bench import targets
from bench.rows import Row
from bench.setting import Setting
from bench.shape_costs import costs_of
from bench.slow_shapes import SHAPES

SIZE, QUICK_SIZE = 1_000_000, 100_000
LIMIT_SECONDS = 20.0


def shapes(bench: Setting) -> list[Row]:
    """Measure every analyser on every shape of its languages."""
    bench.close()
    size = QUICK_SIZE if bench.quick else SIZE
    worst: dict[str, tuple[float, str]] = {}
    for name, shape in SHAPES.items():
        bench.say(f"analysis of {size // 1000} kB: {name}")
        for cost in costs_of(shape, size=size, limit_seconds=LIMIT_SECONDS):
            worst[cost.analyser] = max(worst.get(cost.analyser, (0.0, "")), (cost.cpu_seconds, name))
    return [
        Row(
            what=f"analysis of {size // 1000} kB, the slowest of {len(SHAPES)} shapes: {analyser}",
            unit="CPU s",
            value=seconds,
            target=None if bench.quick else targets.ANALYSIS_CPU_SECONDS,
            note=name,
        )
        for analyser, (seconds, name) in worst.items()
    ]
