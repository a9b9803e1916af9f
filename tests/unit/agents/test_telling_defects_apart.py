"""Claims about the same lines: different defects are all kept, the same defect in other words is one.

The comments are from AACR-Bench (github.com/alibaba/aacr-bench, Apache-2.0): reviewers' comments on merged pull requests that experts
found valid, two of them on the same lines and in the same category.
"""

from __future__ import annotations

import pytest

from codegen_platform.agents.judging import judge
from codegen_platform.artifacts import Category, Finding, Severity

DIFFERENT = [
    (
        "The getManualTests function crashes when manualTests.txt is missing due to lack of file existence check; it should return an "
        "empty set in this scenario.",
        "Inconsistent test name processing: getFailingTests() uses substring(4) to remove prefix, but getManualTests() doesn't. This "
        "could cause manual test filtering to fail if the manual tests file uses the same format as failing tests.",
    ),
    (
        "The @param tag is incorrectly placed within a property setter's JSDoc block. For setters, the parameter type should be "
        "documented using @type in the property description, not @param. Consider removing this @param tag as it doesn't follow standard "
        "JSDoc conventions for property setters.",
        "Inconsistent type casing: `@type {Boolean}` uses capitalized `Boolean`, while `@param {boolean}` uses lowercase. It is "
        "recommended to use `Boolean` to maintain consistency with the existing style in this file.",
    ),
    (
        "Potential security issue: Nonce is not being cleared after validation. This could allow reuse of the same state parameter "
        "(replay attack). Consider restoring the call to `this.authService.resetAuthNonce()` upon successful validation.",
        "Security issue: Nonce should be single-use to prevent replay attacks. The current implementation uses a static readonly nonce "
        "that never changes, making it vulnerable to replay attacks. Consider generating a new nonce for each authentication request.",
    ),
    (
        "The log message inaccurately states \"using non-segmentby index for recompression\" when the system is actually using the primary "
        "time index; replace the fixed string with dynamic logging of the specific index name to provide accurate debug information.",
        "Trailing whitespace detected before semicolon. Consider removing for cleaner code.",
    ),
]  # fmt: skip
SAME = [
    (
        "Documentation error: The comment refers to 'ServerConfigsProvider' but the actual function name is 'NewServerConfigs'. Please "
        "update the comment to match the function name.",
        "The documentation comment refers to `ServerConfigsProvider`, but the function name is `NewServerConfigs`. Please correct the "
        "comment to match the function name.",
    ),
]


def claim(comment: str) -> Finding:
    title, _, _ = comment.partition(". ")
    return Finding(
        path="src/a.py",
        line=3,
        end_line=4,
        severity=Severity.MEDIUM,
        category=Category.BUG,
        title=title[:120],
        body=comment,
        quote="a\nb",
        source="model:m",
    )


def kept(pair: tuple[str, str]) -> int:
    judgement = judge(claimed=map(claim, pair), static=(), floor=Severity.INFO, max_comments=10)
    return len(judgement.findings)


@pytest.mark.parametrize("pair", DIFFERENT)
def test_different_defects_on_the_same_lines_are_both_kept(pair: tuple[str, str]) -> None:
    assert kept(pair) == 2


@pytest.mark.parametrize("pair", SAME)
def test_the_same_defect_in_other_words_is_one_finding(pair: tuple[str, str]) -> None:
    assert kept(pair) == 1
