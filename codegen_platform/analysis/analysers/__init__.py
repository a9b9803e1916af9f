"""The analysers: each a module with one class of the same face."""

from __future__ import annotations

from functools import cache

from codegen_platform.analysis.claims import Analyser
from codegen_platform.analysis.options import AnalysisOptions


def analysers_for(options: AnalysisOptions) -> tuple[Analyser, ...]:
    """Return the analysers that these options ask for, in the order in which they are reported."""
    return (*_basic(), *_advanced()) if options.advanced else _basic()


def _as_languages_see_lines(*analysers: Analyser) -> tuple[Analyser, ...]:
    from codegen_platform.analysis.line_ends import AsLanguagesSeeLines

    return tuple(AsLanguagesSeeLines(analyser) for analyser in analysers)


@cache
def _basic() -> tuple[Analyser, ...]:
    from codegen_platform.analysis.analysers.conflicts import ConflictMarkers
    from codegen_platform.analysis.analysers.hidden import HiddenCharacters
    from codegen_platform.analysis.analysers.ruff import Ruff
    from codegen_platform.analysis.analysers.secrets import Secrets
    from codegen_platform.analysis.analysers.syntax import SyntaxErrors

    return _as_languages_see_lines(Secrets(), HiddenCharacters(), ConflictMarkers(), SyntaxErrors(), Ruff())


@cache
def _advanced() -> tuple[Analyser, ...]:
    from codegen_platform.analysis.analysers.bandit import Bandit
    from codegen_platform.analysis.analysers.structure import StructuralRules

    return _as_languages_see_lines(Bandit(), StructuralRules())
