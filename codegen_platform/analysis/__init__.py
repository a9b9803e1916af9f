"""The static reviewer: finds problems in the lines that a change touches, and executes and obeys nothing of what it reads."""

from codegen_platform.analysis.analysing import analyse, warm
from codegen_platform.analysis.options import AnalysisLimits, AnalysisOptions
from codegen_platform.analysis.without_secrets import without_secrets

__all__ = ["AnalysisLimits", "AnalysisOptions", "analyse", "warm", "without_secrets"]
