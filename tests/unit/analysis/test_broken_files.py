"""Conflicts and syntax: what the change broke is told; what was broken before, or only looks broken, is not."""

from __future__ import annotations

import pytest

from tests.unit.analysis.snapshots import changed, findings_in, review, sources_of

CONFLICT = "<<<<<<< HEAD\nx = 1\n=======\nx = 2\n>>>>>>> topic\n"


@pytest.mark.parametrize("path", ["a.yaml", "README.md", "a.c", "Makefile"])
def test_a_committed_conflict_is_found_where_it_begins(path: str) -> None:
    findings = [each for each in findings_in(path, f"first\n{CONFLICT}last\n") if each.source == "conflicts:marker"]

    assert [finding.line for finding in findings] == [2]


def test_a_committed_conflict_in_python_is_told_once_and_not_as_a_syntax_error_too() -> None:
    findings = findings_in("a.py", CONFLICT)

    assert sources_of(findings) == {"conflicts:marker"}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.rst", "Heading\n=======\n\nText\n"),
        ("git.md", "Git writes:\n\n```\n" + CONFLICT + "```\n"),
        ("a.md", "<<<<<<< HEAD\nonly one marker\n"),
        ("tests/data/cases/merge.txt", CONFLICT),
        ("a.txt", "    <<<<<<< HEAD\n    =======\n    >>>>>>> topic\n"),
    ],
)
def test_what_is_no_conflict_raises_no_alarm(path: str, text: str) -> None:
    assert findings_in(path, text) == []


BROKEN = {
    "a.py": ("def f():\n    return 1\n", "def f(:\n    return 1\n"),
    "a.js": ("function f() {\n  return 1;\n}\n", "function f() {\n  return (1;\n}\n"),
    "a.ts": ("function f(): number {\n  return 1;\n}\n", "function f(): number {\n  return (1;\n}\n"),
    "a.go": ("package a\n\nfunc f() int {\n\treturn 1\n}\n", "package a\n\nfunc f() int {\n\treturn (1\n}\n"),
    "A.java": ("class A {\n  int f() { return 1; }\n}\n", "class A {\n  int f() { return 1 +* 2; }\n}\n"),
    "a.rs": ("fn f() -> u8 {\n    1\n}\n", "fn f() -> u8 {\n    1 +* 2 )\n}\n"),
}


@pytest.mark.parametrize("path", BROKEN)
def test_a_file_that_the_change_broke_is_told_on_a_changed_line(path: str) -> None:
    before, after = BROKEN[path]

    (finding,) = findings_in(path, after, before=before)

    assert finding.source.startswith("syntax:")
    assert finding.quote in after.split("\n")
    assert finding.quote not in before.split("\n")


@pytest.mark.parametrize("path", BROKEN)
def test_a_file_that_was_broken_before_is_not_the_changes_doing(path: str) -> None:
    _, broken = BROKEN[path]

    assert findings_in(path, broken + "\n\n", before=broken) == []


@pytest.mark.parametrize("path", BROKEN)
def test_a_file_that_parses_is_not_told(path: str) -> None:
    fine, _ = BROKEN[path]

    assert findings_in(path, fine) == []


def test_an_error_below_the_change_is_told_on_the_changed_line_above_it() -> None:
    before = "x = f(1)\n" + "y = 1\n" * 10
    after = "x = f(1\n" + "y = 1\n" * 10

    (finding,) = findings_in("a.py", after, before=before)

    assert (finding.source, finding.line) == ("syntax:python", 1)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("old.py", "print 'hello'\n"),
        ("old.py", "try:\n    pass\nexcept ValueError, e:\n    pass\n"),
        ("template.py", "{% if x %}\nimport {{ cookiecutter.name }}\n{% endif %}\n"),
        ("new.py", "match x:\n    case 1:\n        pass\ntype A = int\ndef f[T](x: T) -> T: ...\nx = f'{'a'}'\n"),
        ("new.py", "try:\n    pass\nexcept* ValueError:\n    pass\n"),
        ("tests/data/cases/bad.py", "def f(:\n"),
        ("a.d.ts", 'export type * from "./a";\n'),
        ("a.tsx", "const a = <div>{x}</div>;\n"),
        ("a.jsx", "const a = <div>{x}</div>;\n"),
        ("a.go", "package a\n\nfunc f[T any](x T) T { return x }\n"),
        ("A.java", "record A(int x) {}\nsealed interface B permits C {}\n"),
    ],
)
def test_another_dialect_is_not_an_error(path: str, text: str) -> None:
    assert [each for each in findings_in(path, text, before=None) if each.source.startswith("syntax:")] == []


def test_what_else_ruff_says_of_a_broken_file_is_not_repeated() -> None:
    result = review(changed("a.py", "def f(x=[]):\n    return undefined\n\nhere we explain\n"))

    assert sources_of(list(result.findings)) == {"syntax:python"}
