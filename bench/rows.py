"""One line of the table: what was measured, the machine's floor, and whether the target was met."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a row says about its target."""

    GOAL = "goal met"
    FIRST_STAGE = "first stage met"
    MISSED = "missed"
    UNFINISHED = "not measured"
    INFORMATION = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What a figure shall reach.

    Attributes:
        first_stage, goal: inclusive limits, in the unit of the row; of the ratio to the floor if `of_ratio`. None: there is no first stage.
        at_least: True: the figure shall be as high as the limit; False: as low.
    """

    first_stage: float | None
    goal: float
    at_least: bool = False
    of_ratio: bool = False

    def judge(self, figure: float) -> Verdict:
        """Return the better of the two limits that the figure reaches."""
        for limit, verdict in ((self.goal, Verdict.GOAL), (self.first_stage, Verdict.FIRST_STAGE)):
            if limit is not None and (figure >= limit if self.at_least else figure <= limit):
                return verdict
        return Verdict.MISSED


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One measured figure.

    Attributes:
        value: None if it could not be measured; `note` then says what was missing.
        floor: the same figure for the least that any program has to do for it here, None if there is no such thing.
        note: what a reader has to know beside the figure.
        is_required: whether the bench fails if the target is missed.
    """

    what: str
    unit: str
    value: float | None
    floor: float | None = None
    target: Target | None = None
    note: str = ""
    is_required: bool = False

    @property
    def ratio(self) -> float | None:
        """Return the figure as a multiple of the floor."""
        return self.value / self.floor if self.value is not None and self.floor else None

    @property
    def verdict(self) -> Verdict:
        """Return what the figure says about the target."""
        if self.value is None:
            return Verdict.UNFINISHED
        judged = self.ratio if self.target and self.target.of_ratio else self.value
        if self.target is None or judged is None:
            return Verdict.INFORMATION
        return self.target.judge(judged)


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the smallest value that at least `share` (0 to 1) of the values do not exceed; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered) - 1e-9) - 1)]
