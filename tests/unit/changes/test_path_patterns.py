"""Path patterns as in .gitignore."""

from __future__ import annotations

import time

import pytest

from codegen_platform.changes.path_patterns import PathPatterns, fault_of


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
        ("[ab].py", "src/a.py", True),
        ("[ab].py", "src/c.py", False),
        ("[!ab].py", "src/c.py", True),
        ("[a-f]*.py", "deep.py", True),
        ("\\#notes", "#notes", True),
        ("*.py", "a\ud800.py", True),
        ("*.py", "new\nline.py", True),
        ("{a,b}.py", "a.py", False),
    ],
)
def test_a_pattern_matches_as_in_gitignore(pattern, path, expected):
    assert PathPatterns([pattern]).match(path) is expected


@pytest.mark.parametrize(
    ("patterns", "path", "expected"),
    [
        (["*.py", "!keep.py"], "src/keep.py", False),
        (["*.py", "!keep.py"], "src/other.py", True),
        (["!keep.py", "*.py"], "keep.py", True),
        (["docs/**", "!docs/api/**"], "docs/api/a.md", False),
        (["docs/**", "!docs/api/**"], "docs/b.md", True),
        (["/*", "!/src"], "lib/a.py", True),
        ([], "a", False),
    ],
)
def test_the_last_pattern_that_matches_decides(patterns, path, expected):
    assert PathPatterns(patterns).match(path) is expected


@pytest.mark.parametrize(
    "pattern", ["{a,b}.py", "src/*.{ts,tsx}", "[", "a[b", "[z-a]", "!", "/", "  ", "# docs", "a\\"]
)
def test_a_pattern_that_cannot_match_as_intended_has_a_fault(pattern):
    assert fault_of(pattern)


@pytest.mark.parametrize("pattern", ["*.py", "!a", "[ab]", "docs/", "a{1}.txt", "\\!important", "a b", "**/x", "[]a]"])
def test_a_sound_pattern_has_none(pattern):
    assert fault_of(pattern) is None


def test_no_pattern_takes_long():
    started = time.process_time()
    assert not PathPatterns(["*a" * 100 + "b", "**/" * 100 + "b"]).match("a" * 4_000 + "/" + "a" * 4_000)
    assert time.process_time() - started < 2
