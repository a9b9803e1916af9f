"""Ruff's port of bandit's tests, for files that bandit cannot read.

Bandit reads with the parser of the Python that runs it, so that one line of newer syntax used to switch it off. Ruff knows newer Python
than any that this runs on, and its port has almost all of the tests, under almost the same names.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from codegen_platform.analysis.advice import advice_for
from codegen_platform.analysis.analysers.ruff_claims import lines_of
from codegen_platform.analysis.claims import Claim
from codegen_platform.analysis.limits import Unread
from codegen_platform.analysis.parser_guards import too_much_for_ruff
from codegen_platform.analysis.ruff_process import RuffFailed, Violation, violations_in
from codegen_platform.analysis.sources import SourceFile
from codegen_platform.artifacts import SkipReason

TIME_LIMIT_SECONDS = 10.0
_OTHER_NAMES = {"B703": "S308"}
NOT_PORTED = frozenset({"B614"})
_HARMLESS = "seems safe"
"""Ruff's message for a shell command built only from constants; bandit gives those low severity."""


def ported_claims(source: SourceFile, tests: frozenset[str]) -> Iterator[Claim]:
    """Yield the port's claims about the file, under bandit's test names.

    Raises:
        Unread: the file does not parse, ruff failed, or there is more to say than is kept.
    """
    if reason := too_much_for_ruff(source.text or ""):
        raise Unread(reason)
    names = {_OTHER_NAMES.get(test, f"S{test[1:]}"): test for test in tests - NOT_PORTED}
    if not names:
        return
    ends_at = time.monotonic() + TIME_LIMIT_SECONDS
    try:
        said = violations_in([source], rules=names, ends_at=ends_at)
    except RuffFailed as error:
        raise Unread(error.reason) from error
    if said.broken:
        raise Unread(SkipReason.SYNTAX_ERROR)
    yield from (
        _claim(source, names[violation.code], violation)
        for _, violation in said.found
        if violation.code in names and _HARMLESS not in violation.message
    )
    if said.cut:
        raise Unread(SkipReason.TOO_MANY_CLAIMS)


def _claim(source: SourceFile, test: str, violation: Violation) -> Claim:
    line, end_line = lines_of(violation)
    advice = advice_for("bandit")[test]
    return Claim(
        path=source.path,
        line=line,
        end_line=end_line,
        rule=f"bandit:{test}",
        what=advice.what,
        severity=advice.severity,
        category=advice.category,
        title=advice.title_for(violation.message),
        body=advice.body,
    )
