"""One problem seen by several rules is reported once; different problems on one line are all reported."""

from __future__ import annotations

from collections import defaultdict

import pytest

from tests.unit.analysis.snapshots import changed, findings_in, review
from tests.unit.analysis.test_rules_have_samples import GROUPS, sample_files, samples

DIFFERENT = [
    {"ruff:E722", "ruff:F707"},  # what it catches, and where it stands
    {"bandit:B113", "ruff:ASYNC210"},  # waits for ever, and blocks the loop
]


@pytest.mark.parametrize("group", GROUPS)
def test_no_rule_repeats_another_rules_finding_on_the_same_line(group: str) -> None:
    files = [changed(path, text) for rule in samples(group) for path, text in sample_files(group, rule, "bad")]
    by_line = defaultdict(set)
    for finding in review(*files).findings:
        if finding.source != "ruff:F821":  # samples use names that nobody defines
            by_line[finding.path, finding.line].add(finding.source)

    repeated = [sources for sources in by_line.values() if len(sources) > 1 and sources not in DIFFERENT]

    assert repeated == []


def test_an_error_that_is_swallowed_by_a_bare_except_is_one_problem() -> None:
    findings = findings_in("a.py", "def f():\n    try:\n        print()\n    except:\n        pass\n")

    assert [finding.source for finding in findings] == ["ruff:E722"]


def test_two_missing_names_on_one_line_are_both_reported() -> None:
    (finding,) = findings_in("a.py", "print(first, second)\n")

    assert "first" in finding.title
    assert "Also here: Undefined name `second`." in finding.body


def test_the_same_words_about_one_line_are_reported_once() -> None:
    (finding,) = findings_in("a.py", "print(first, first)\n")

    assert "Also here" not in finding.body


def test_problems_of_different_kinds_on_one_line_are_two_findings() -> None:
    findings = findings_in("a.py", "def f(x=[]): return eval(x)\n")

    assert {finding.source for finding in findings} == {"ruff:B006", "bandit:B307"}
