"""Coverage: a file is read if every analyser of its language or the model got it; all others are named, and the review is not clean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codegen_platform.agents import reviewer
from codegen_platform.agents.validating import validate
from codegen_platform.artifacts import (
    ChangedFile,
    CodeReview,
    FileStatus,
    Outcome,
    PullRequestSnapshot,
    Severity,
    SkipReason,
)
from codegen_platform.changes.configuration import ReviewInstructions
from codegen_platform.changes.diffs import count_changes
from codegen_platform.changes.languages import language_of
from codegen_platform.forge.contents import readable_patch
from tests.unit.agents.samples import ScriptedBackend, snapshot
from tests.unit.analysis import snapshots

SHELL = "import os\nos.system(input())\n"
CHECKS = "".join(f"require(user, 'right_{n}')\n" for n in range(300))
NOT_ANALYSED = {
    "src/a.cpp": "int main() { return system(argv[1]); }\n",
    "src/A.cs": "class A { void B() { } }\n",
    "src/A.kt": "fun main() { }\n",
    "app/a.rb": "system(params[:x])\n",
    "a.php": "<?php system($_GET['x']);\n",
    "a.swift": "print(1)\n",
    "q.sql": "DROP TABLE users;\n",
    "run.sh": "curl x | sh\n",
    "Dockerfile": "FROM x\nUSER root\n",
    ".github/workflows/ci.yml": "on: pull_request_target\n",
    "index.html": "<script>eval(location.hash)</script>\n",
    "k8s/pod.yaml": "privileged: true\n",
    "package.json": '{"scripts": {"postinstall": "curl x | sh"}}\n',
    "requirements.txt": "evil==1.0\n",
    "page.mdx": "export const x = eval('1')\n",
    "run": "#!/bin/sh\ncurl x | sh\n",
    "notebook.ipynb": "{}\n",
    "src/a.h": "namespace a {\nclass B { public: int c; };\n}\n",
    "src/b.h": "#import <Foundation/Foundation.h>\nNSString *name;\n",
    "src/c.h": "@interface A : NSObject\n@end\n",
    "src/d.h": "__global__ void add(int n);\n",
    "src/e.H": "enum class Color { red };\n",
    "src/f.h": "struct A : public B { };\n",
    "requirements/dev.txt": "evil==1.0\n",
}


def counted(file: ChangedFile) -> ChangedFile:
    """Return the file with the counts that a forge gives."""
    additions, deletions = count_changes(file.patch) if readable_patch(file.patch) else (1, 0)
    return file.model_copy(update={"additions": additions, "deletions": deletions})


def changed(path: str, after: str, *, before: str | None = None, **facts: Any) -> ChangedFile:
    return counted(snapshots.changed(path, after, before=before, **facts))


def deleted(path: str, before: str) -> ChangedFile:
    return changed(path, "", before=before, status=FileStatus.REMOVED, head_text=None)


def reviewed(*files: ChangedFile, change: PullRequestSnapshot | None = None, model: bool = False) -> CodeReview:
    """Return the review of these files, analysed for real, with or without a model that finds nothing."""
    change = change or snapshot(*files)
    found = snapshots.analyse(change, options=snapshots.AnalysisOptions())
    backend = ScriptedBackend(*[{"findings": []}] * 20) if model else None
    draft = reviewer.review(change, found, backend=backend, instructions=ReviewInstructions(), task_id="t")
    review = reviewer.verify(draft, change, found, instructions=ReviewInstructions(), severity_floor=Severity.INFO)
    validation = validate(review, change, head_sha=change.head_sha)
    assert validation.passed, validation.failed_names
    return review


def reasons(review: CodeReview) -> dict[str, str]:
    return {skip.path: skip.reason.value for skip in review.coverage.skipped}


def test_a_file_without_hunks_is_not_counted_as_read() -> None:
    file = ChangedFile(
        path="a.py",
        language="python",
        status=FileStatus.MODIFIED,
        head_text=SHELL * 9_000,
        additions=18_000,
        deletions=9,
    )
    for model in (False, True):
        review = reviewed(file, model=model)
        assert (review.outcome, reasons(review)) == (Outcome.PARTIAL, {"a.py": "no_hunks"})
        assert (review.coverage.files_reviewed, review.coverage.lines_reviewed) == (0, 0)
        assert review.coverage.lines_changed == 18_009


@pytest.mark.parametrize("path", NOT_ANALYSED)
def test_a_language_that_no_analyser_knows_is_not_counted_as_read(path: str) -> None:
    review = reviewed(changed(path, NOT_ANALYSED[path]), changed("src/b.py", "x = 1\n"))
    assert (review.outcome, reasons(review)) == (Outcome.PARTIAL, {path: "no_analyser"})
    assert "looks clean" not in review.summary


@pytest.mark.parametrize("path", NOT_ANALYSED)
def test_a_model_reads_every_language(path: str) -> None:
    review = reviewed(changed(path, NOT_ANALYSED[path]), model=True)
    assert (review.outcome, reasons(review)) == (Outcome.CLEAN, {})


@pytest.mark.parametrize("path", ["README.md", "docs/a.rst", "LICENSE", "notes.txt"])
def test_prose_is_read_when_its_characters_are(path: str) -> None:
    assert reviewed(changed(path, "Words.\n")).outcome is Outcome.CLEAN


@pytest.mark.parametrize("path", ["src/a.cpp", "vendor/github.com/x/y.go", "tests/data/x.py", "package-lock.json"])
def test_characters_are_looked_at_in_every_text(path: str) -> None:
    review = reviewed(changed(path, "x = '\u202e'\n", is_generated=path == "package-lock.json"))
    assert [finding.source.partition(":")[0] for finding in review.findings] == ["hidden"]


def test_a_deleted_file_is_not_counted_as_read_without_a_model() -> None:
    review = reviewed(deleted("auth/rights.py", CHECKS), changed("a.py", "x = 1\n"))
    assert (review.outcome, reasons(review)) == (Outcome.PARTIAL, {"auth/rights.py": "removed"})
    assert (review.coverage.lines_reviewed, review.coverage.lines_changed) == (1, 301)


def test_a_deleted_file_is_shown_to_a_model() -> None:
    backend = ScriptedBackend({"findings": []})
    change = snapshot(deleted("auth/rights.py", CHECKS))
    found = snapshots.analyse(change, options=snapshots.AnalysisOptions())
    reviewer.review(change, found, backend=backend, instructions=ReviewInstructions(), task_id="t")
    assert "       - require(user, 'right_299')" in backend.requests[0].turns[0].text
    review = reviewed(change=change, model=True)
    assert (review.outcome, review.coverage.lines_reviewed) == (Outcome.CLEAN, 300)


@pytest.mark.parametrize(
    ("before", "after", "gone"),
    [
        (f"x = 1\n{CHECKS}y = 2\n", "x = 1\ny = 2\n", 300),
        (f"x = 1\n{CHECKS}y = 2\n", "x = 1\nz = 3\ny = 2\n", 290),
        ("x = 1\ncheck(user)\ny = 2\n", "x = 1\ny = 2\n", 1),
        ("x = 1\ncheck(user)\ny = 2\n", "x = 1\n# tidy\ny = 2\n", 1),
        ("a = 1\nx = 1\n", "a = 1\nx = 2\n", 0),
        ("a = 1\n\n\n\nx = 1\n", "a = 1\nx = 1\n", 0),
        (
            "def f():\n    return g()\n\n\nx = 1\ny = 2\nz = 3\n",
            "x = 1\ny = 2\nz = 3\n\n\ndef f():\n    return g()\n",
            0,
        ),
    ],
)
def test_lines_that_are_gone_are_not_counted_as_read_without_a_model(before: str, after: str, gone: int) -> None:
    review = reviewed(changed("a.py", after, before=before))
    assert reasons(review) == ({"a.py": "removed_lines"} if gone else {})
    assert review.outcome is not Outcome.CLEAN or not gone
    assert review.coverage.lines_changed - review.coverage.lines_reviewed == gone


def moved(before: str, after: str) -> ChangedFile:
    facts = {"status": FileStatus.RENAMED, "language": language_of(after), "unread_reason": "no_text_change"}
    return ChangedFile.model_validate({"path": after, "previous_path": before, **facts})


def without_hunks(path: str, reason: str) -> ChangedFile:
    return ChangedFile(path=path, status=FileStatus.ADDED, additions=200_000, unread_reason=reason)


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (ChangedFile(path="tool", status=FileStatus.ADDED, is_binary=True, unread_reason="binary"), "binary"),
        (ChangedFile(path="a.py", status=FileStatus.ADDED, is_binary=True, unread_reason="binary"), "binary"),
        (changed("lib", "Subproject commit 1\n", head_text=None, unread_reason="submodule"), "submodule"),
        (changed("link.py", "/etc/passwd", head_text=None, unread_reason="symlink"), "symlink"),
        (changed("app.js", "x = 1\n", head_text=None, unread_reason="too_large"), "too_large"),
        (changed("app.js", "x" * 30_000 + "\n"), "minified"),
        (changed("vendor/github.com/x/y.go", "package x\n"), "vendored"),
        (changed("tests/data/x.py", SHELL), "test_data"),
        (changed("a.py", "x = 1\n", patch="@@ nonsense"), "unreadable_diff"),
        (without_hunks("package-lock.json", "generated"), "no_hunks"),
        (without_hunks("node_modules/a/b.js", "vendored"), "no_hunks"),
        (moved("a.txt", "a.py"), "renamed"),
        (moved("a.py.disabled", "a.py"), "renamed"),
        (moved("logo.svg", "logo.html"), "renamed"),
        (moved("node_modules/a/b.js", "src/b.js"), "renamed"),
        (changed("a.py", "x = 1\n", head_text="y = 2\n"), "patch_differs_from_text"),
    ],
)
def test_a_file_that_no_analyser_got_makes_a_review_partial(file: ChangedFile, reason: str) -> None:
    review = reviewed(file, changed("src/b.py", "x = 1\n"))
    assert (review.outcome, reasons(review)) == (Outcome.PARTIAL, {file.path: reason})


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (changed("go.sum", "x v1 h1:a=\n", is_generated=True), "generated"),
        (ChangedFile(path="logo.png", status=FileStatus.ADDED, is_binary=True, unread_reason="binary"), "media"),
        (ChangedFile(path="b.py", status=FileStatus.RENAMED, unread_reason="no_text_change"), "no_text_change"),
        (moved("a.py", "src/c.py"), "no_text_change"),
        (moved("a.py", "docs/a.md"), "no_text_change"),
        (moved("a.yml", "a.yaml"), "no_text_change"),
        (ChangedFile(path="bun.lockb", status=FileStatus.MODIFIED, unread_reason="generated"), "generated"),
    ],
)
def test_files_skipped_on_purpose_are_listed_and_make_no_review_partial(file: ChangedFile, reason: str) -> None:
    for model in (False, True):
        review = reviewed(file, changed("src/b.py", "x = 1\n"), model=model)
        assert (review.outcome, reasons(review)) == (Outcome.CLEAN, {file.path: reason})
        assert "Skipped on purpose: 1 " in review.summary


def test_two_files_of_one_name_are_both_counted_and_not_read() -> None:
    review = reviewed(changed("a\ufffd.py", "x = 1\n"), changed("a\ufffd.py", SHELL), changed("b.py", "y = 1\n"))
    assert [skip.reason for skip in review.coverage.skipped] == [SkipReason.AMBIGUOUS_NAME] * 2
    assert (review.outcome, review.coverage.files_changed, review.coverage.files_reviewed) == (Outcome.PARTIAL, 3, 1)


@pytest.mark.parametrize(("told", "changed_files", "doubt"), [(0, 2, True), (1, 2, True), (2, 2, False), (5, 5, False)])
def test_a_count_that_disagrees_with_the_list_makes_a_review_partial(
    told: int, changed_files: int, doubt: bool
) -> None:
    files = [changed("a.py", "x = 1\n"), changed("b.py", "y = 1\n")]
    review = reviewed(change=snapshot(*files, files_total=told))
    assert review.coverage.files_changed == changed_files
    assert (review.coverage.doubt is not None) == doubt
    assert (review.outcome is Outcome.PARTIAL) == (told != 2)
    assert ("The forge counts" in review.summary) == doubt


def test_an_absurd_file_count_is_reported_but_not_listed_in_full() -> None:
    review = reviewed(change=snapshot(changed("a.py", "x = 1\n"), files_total=10**12))
    assert "counts 1,000,000,000,000 changed files but lists 1" in review.summary
    assert review.coverage.files_changed < 30_000


def test_validation_refuses_a_review_that_counts_an_unread_file_as_read() -> None:
    honest = reviewed(changed("a.cpp", "int x;\n"), changed("b.py", "x = 1\n"))
    coverage = honest.coverage.model_copy(update={"files_reviewed": 2, "lines_reviewed": 2, "skipped": ()})
    lie = honest.model_copy(update={"coverage": coverage, "outcome": Outcome.CLEAN})
    change = snapshot(changed("a.cpp", "int x;\n"), changed("b.py", "x = 1\n"))
    assert validate(lie, change, head_sha=change.head_sha).failed_names == ("coverage",)


@pytest.mark.parametrize("outcome", [Outcome.CLEAN, Outcome.REVIEWED])
def test_validation_refuses_a_partial_review_that_says_it_is_complete(outcome: Outcome) -> None:
    change = snapshot(changed("a.cpp", "int x;\n"))
    lie = reviewed(change=change).model_copy(update={"outcome": outcome})
    assert validate(lie, change, head_sha=change.head_sha).failed_names == ("coverage",)


def test_every_reason_has_words_of_its_own() -> None:
    words = [reason.words for reason in SkipReason]
    assert len(set(words)) == len(words)
    assert not any("_" in each or "|" in each or len(each) > 100 for each in words)


def test_the_documentation_lists_every_reason_with_its_words() -> None:
    page = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")
    for reason in SkipReason:
        assert f"| `{reason.value}` | {reason.words} | {'no' if reason.is_on_purpose else 'yes'} |\n" in page
