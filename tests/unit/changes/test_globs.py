"""Path patterns as in .gitignore."""

from __future__ import annotations

import time

import pytest

from codegen_platform.changes.globs import path_matches


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*.md", "README.md", True),
        ("*.md", "docs/a/b.md", True),
        ("/*.md", "README.md", True),
        ("/*.md", "docs/b.md", False),
        ("docs", "docs/a/b.py", True),
        ("docs/", "docs/a/b.py", True),
        ("docs/", "docs", False),
        ("docs/**", "docs/a/b.py", True),
        ("docs/*.py", "docs/a/b.py", False),
        ("docs/*", "docs/a/b.py", True),
        ("**/tests/**", "a/b/tests/c.py", True),
        ("**/tests/**", "tests/c.py", True),
        ("a/**/z.py", "a/z.py", True),
        ("a/**/z.py", "a/b/c/z.py", True),
        ("a/**/z.py", "b/a/z.py", False),
        ("file?.py", "file1.py", True),
        ("file?.py", "file10.py", False),
        ("a*b*c", "axxbyyc", True),
        ("a*b*c", "axxbyy", False),
        ("src/gen", "src/generated.py", False),
        ("**", "anything/at/all", True),
        ("", "a", False),
        ("/", "a", False),
        ("*", "a", True),
    ],
)
def test_a_pattern_matches_as_in_gitignore(pattern, path, expected):
    assert path_matches(path, [pattern]) is expected


def test_no_pattern_takes_long():
    started = time.process_time()
    assert not path_matches("a" * 4_000 + "/" + "a" * 4_000, ["*a" * 100 + "b", "**/" * 100 + "b"])
    assert time.process_time() - started < 2
