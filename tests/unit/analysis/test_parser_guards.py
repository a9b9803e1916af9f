"""Guards before parsers: they refuse what would keep a parser busy, and nothing that a person writes."""

from __future__ import annotations

import pytest

from codegen_platform.analysis.parser_guards import MAX_DEPTH, too_much_for_grammar, too_much_for_ruff
from codegen_platform.artifacts import SkipReason

DEEP, LARGE = SkipReason.NESTED_TOO_DEEPLY, SkipReason.TOO_LARGE


@pytest.mark.parametrize(
    ("text", "grammar", "reason"),
    [
        ("(" * (MAX_DEPTH + 1), "javascript", DEEP),
        ("({[" * MAX_DEPTH, "go", DEEP),
        ("f(" * MAX_DEPTH * 2 + ")" * MAX_DEPTH * 2, "java", DEEP),
        ("A<" * (MAX_DEPTH + 1), "typescript", DEEP),
        ("a;" * 150_000, "javascript", LARGE),
        ("a\n" * 300_000, "go", LARGE),
        ('r#"\n' * 100, "rust", SkipReason.SYNTAX_ERROR),
        ('r##"\n' * 100 + '"#', "rust", SkipReason.SYNTAX_ERROR),
        ('r#"a"#;\n' * 1_000, "rust", None),
        ("(a)" * 5_000, "javascript", None),
        ("if (a < b) {}\n" * 2_000, "javascript", None),
        ("const smile = ':(';\n" * 900, "javascript", None),
        ("export const value = compute(first, second);\n" * 20_000, "typescript", None),
        ("", "java", None),
    ],
)
def test_texts_that_a_grammar_does_not_get(text: str, grammar: str, reason: SkipReason | None) -> None:
    assert too_much_for_grammar(text, grammar) is reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x = " + "[" * 2_000, DEEP),
        ("x = " + "lambda: " * 2_500 + "1", DEEP),
        ("x = f(a, b)[c]\n" * 50_000, None),
        ("x = lambda: 1\n" * 1_000, None),
    ],
)
def test_texts_that_ruff_does_not_get(text: str, reason: SkipReason | None) -> None:
    assert too_much_for_ruff(text) is reason
