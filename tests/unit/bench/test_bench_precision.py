"""Verdicts on the findings of the static analysers, held beside the findings of today."""

from __future__ import annotations

from bench.measuring_precision import precision_rows
from bench.precision import Place, Verdict, compare, findings_in, labels, places_of
from bench.rows import Verdict as Judged

FALSE, TRUE, NEW = (Place("octo/shop", "a" * 40, "a.py", line, "ruff:B006") for line in (1, 2, 3))
KNOWN = {FALSE: Verdict.FALSE, TRUE: Verdict.TRUE}
TEXT = "def f(x=[]):\n    x.append(1)\n    return x\n"


def judged(*found: Place) -> dict[str, Judged]:
    rows = precision_rows(4, compare(found, KNOWN))
    return {row.what.partition(" on ")[0]: row.verdict for row in rows if row.verdict is not Judged.UNFINISHED}


def test_a_false_finding_that_comes_back_misses_a_required_target() -> None:
    rows = precision_rows(4, compare([FALSE, TRUE], KNOWN))

    assert [row.what.partition(" on ")[0] for row in rows if row.is_required and row.verdict is Judged.MISSED] == [
        "false findings"
    ]


def test_a_true_finding_that_is_lost_misses_its_target() -> None:
    assert judged()["true findings lost"] is Judged.MISSED


def test_a_new_finding_is_listed_for_labelling() -> None:
    result = compare([TRUE, NEW], KNOWN)

    assert result.new == (NEW,)
    assert judged(TRUE, NEW)["findings without a verdict"] is Judged.MISSED
    assert judged(TRUE, NEW)["false findings"] is Judged.GOAL


def test_every_label_names_a_commit_and_a_rule() -> None:
    assert len(labels()) >= 19
    assert all(len(place.head) == 40 and place.line > 0 and ":" in place.rule for place in labels())


def test_a_change_of_the_corpus_is_analysed_like_a_pull_request() -> None:
    patch = "diff --git a/a.py b/a.py\n--- /dev/null\n+++ b/a.py\n@@ -0,0 +1,3 @@\n" + "".join(
        f"+{line}\n" for line in TEXT.splitlines()
    )
    file = {"path": "a.py", "previous_path": None, "status": "A", "patch": patch, "head_text": TEXT}
    change = {"repository": "octo/shop", "base": "b" * 40, "head": "a" * 40, "files": [file]}

    assert places_of(change, findings_in(change)) == [FALSE]
