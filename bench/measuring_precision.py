"""What the static analysers say of changes that other projects merged: how much of it is right, and what is new."""

from __future__ import annotations

from collections.abc import Iterable

from bench import targets
from bench.precision import Comparison, Verdict, compare, corpus, findings_in, labels, merged_changes, places_of
from bench.rows import Row
from bench.setting import Setting

QUICK = 8
"""Of so many changes, a quick run replays one."""


def precise(bench: Setting) -> list[Row]:
    """Replay the merged changes and compare with the verdicts of readers."""
    file = corpus()
    if file is None:
        return [
            Row(
                what="findings on merged changes",
                unit="",
                value=None,
                note="shared/corpora/merged-changes is not there",
            )
        ]
    bench.close()
    changes = [
        change
        for number, change in enumerate(merged_changes(file))
        if not bench.quick or number % QUICK == 0 or _is_labelled(change["head"])
    ]
    bench.say(f"replaying {len(changes)} merged changes")
    found = [place for change in changes for place in places_of(change, findings_in(change))]
    result = compare(found, labels())
    _tell(bench, "false, and back again", result.those(Verdict.FALSE))
    _tell(bench, "new; label it in bench/data/precision.json", result.new)
    _tell(bench, "true, and not found any more", result.gone)
    return precision_rows(len(changes), result)


def _is_labelled(head: str) -> bool:
    return any(place.head == head for place in labels())


def _tell(bench: Setting, what: str, places: Iterable[object]) -> None:
    for place in places:
        bench.say(f"{what}: {place}")


def precision_rows(changes: int, result: Comparison) -> list[Row]:
    """Return the figures of a comparison."""
    of = f"{changes} merged changes"
    false = len(result.those(Verdict.FALSE))
    return [
        Row(what=f"false findings on {of}", unit="", value=false, target=targets.FALSE_FINDINGS, is_required=True),
        Row(what=f"true findings lost on {of}", unit="", value=len(result.gone), target=targets.NONE, is_required=True),
        Row(what=f"findings without a verdict on {of}", unit="", value=len(result.new), target=targets.NEW_FINDINGS),
        Row(
            what=f"share of right findings on {of}",
            unit="",
            value=result.share_right,
            target=targets.RIGHT_FINDINGS,
            note=f"{len(result.those(Verdict.TRUE))} true, {len(result.those(Verdict.ARGUABLE))} arguable, {false} false",
        ),
    ]
