"""What a figure says about its target."""

import pytest

from bench.rows import Row, Target, Verdict, percentile

FAST = Target(first_stage=5.0, goal=1.0)
MANY = Target(first_stage=0.5, goal=0.6, at_least=True, of_ratio=True)


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [
        (0.9, Verdict.GOAL),
        (1.0, Verdict.GOAL),
        (1.1, Verdict.FIRST_STAGE),
        (5.0, Verdict.FIRST_STAGE),
        (5.1, Verdict.MISSED),
    ],
)
def test_a_figure_reaches_the_goal_the_first_stage_or_nothing(seconds, verdict):
    assert Row(what="time", unit="s", value=seconds, target=FAST).verdict is verdict


@pytest.mark.parametrize(
    ("rate", "verdict"), [(60.0, Verdict.GOAL), (55.0, Verdict.FIRST_STAGE), (49.0, Verdict.MISSED)]
)
def test_a_share_of_the_floor_is_judged_by_the_ratio_and_not_by_the_figure(rate, verdict):
    assert Row(what="rate", unit="/s", value=rate, floor=100.0, target=MANY).verdict is verdict


def test_a_missed_goal_without_a_first_stage_is_missed():
    assert Row(what="t", unit="s", value=16.0, target=Target(first_stage=None, goal=15.0)).verdict is Verdict.MISSED


def test_what_could_not_be_measured_is_never_a_success():
    assert Row(what="time", unit="s", value=None, target=FAST).verdict is Verdict.UNFINISHED


def test_a_figure_without_a_target_is_information():
    assert Row(what="time", unit="s", value=3.0).verdict is Verdict.INFORMATION


def test_a_zero_is_a_figure_like_any_other():
    row = Row(what="lost", unit="", value=0.0, floor=1.0, target=Target(first_stage=0, goal=0))
    assert (row.verdict, row.ratio) == (Verdict.GOAL, 0.0)


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_percentile_is_one_of_the_values(share, expected):
    assert percentile(range(100, 0, -1), share) == expected


def test_the_p95_of_few_values_is_the_largest_and_of_none_is_nothing():
    assert percentile([3.0, 1.0, 2.0], 0.95) == 3.0
    assert percentile([], 0.5) is None
