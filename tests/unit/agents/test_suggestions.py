"""A suggestion is offered only if one click applies it and leaves the file whole."""

from __future__ import annotations

import pytest

from codegen_platform.agents.suggestions import applicable
from tests.unit.agents.samples import changed

PYTHON = "import os\n\ndef f(name):\n    path = '/' + name\n    os.remove(path)\n    return path\n"
SCRIPT = "function f(x) {\n  if (x) {\n    g(x);\n  }\n  return x;\n}\n"


def offered(suggestion: str, *, line: int, end_line: int | None = None, path: str = "a.py") -> str | None:
    text = PYTHON if path.endswith(".py") else SCRIPT
    return applicable(suggestion, changed(path, "", text), line=line, end_line=end_line or line)


def test_a_replacement_of_the_line_is_offered_as_it_is() -> None:
    assert offered("    path = os.path.join('/', name)\n", line=4) == "    path = os.path.join('/', name)"


def test_a_replacement_of_several_lines_may_be_shorter() -> None:
    assert offered("    os.remove('/' + name)", line=4, end_line=5) == "    os.remove('/' + name)"


@pytest.mark.parametrize(
    ("suggestion", "line", "end_line"),
    [
        ("", 4, 4),
        ("   \n", 4, 4),
        ("    path = '/' + name", 4, 4),
        ("path = 1", 4, 4),
        ("    path = (1", 4, 4),
        ("    path = 1\n    os.remove(path)", 4, 4),
        ("def f(name):\n    path = 1", 4, 4),
        ("    path = '/' + name  # \u202e", 4, 4),
        ("    x = 1\n" * 60, 4, 4),
        ("    path = 1", 40, 41),
    ],
)
def test_what_would_not_apply_is_not_offered(suggestion: str, line: int, end_line: int) -> None:
    assert offered(suggestion, line=line, end_line=end_line) is None


@pytest.mark.parametrize("suggestion", ["  if (x) {\n    h(x);", "    g(x);\n  }", "    g(x;"])
def test_brackets_of_other_languages_stay_balanced(suggestion: str) -> None:
    assert offered(suggestion, line=3, path="a.js") is None


def test_another_language_is_offered_what_fits() -> None:
    assert offered("    h(x);", line=3, path="a.js") == "    h(x);"


def test_python_that_did_not_parse_before_is_not_held_against_the_suggestion() -> None:
    file = changed("a.py", "", "print 'old'\nx = 1\n")
    assert applicable("x = 2", file, line=2, end_line=2) == "x = 2"


def test_a_file_that_was_not_read_gets_no_suggestion() -> None:
    file = changed("a.py", "", PYTHON).model_copy(update={"head_text": None})
    assert applicable("    path = 2", file, line=4, end_line=4) is None
