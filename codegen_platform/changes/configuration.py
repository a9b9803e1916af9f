"""A repository's own wishes for its reviews: `.codegen-platform.yaml` of the base branch, never of the proposed change.

A mistake in the file never fails a review: what cannot be understood is left out and said in a warning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from codegen_platform.artifacts import Severity
from codegen_platform.changes.path_patterns import MAX_CHARACTERS, PathPatterns, fault_of

CONFIGURATION_PATH = ".codegen-platform.yaml"
FEATURES = ("advanced_code_analysis", "multi_language_support", "experimental_ai_features", "enhanced_monitoring")

_MAX_CHARACTERS = 64_000
_MAX_DEPTH = 20
MAX_PATTERNS, MAX_PATTERN_CHARACTERS = 200, 300
MAX_GUIDELINES_CHARACTERS = 20_000
MAX_COMMENTS = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewInstructions:
    """A repository's review configuration. None: the platform's setting applies.

    Attributes:
        ignore: path patterns as in .gitignore (see `PathPatterns`) of files that are not reviewed.
        severity_floor: findings below it are not posted inline. max_comments: maximum posted inline, 0..100.
        guidelines: prose for reviewers, from the base branch; still only advice to a model.
        features: feature flags by name that are switched for this repository.
        warnings: one sentence for each invalid part of the file.
    """

    ignore: tuple[str, ...] = ()
    severity_floor: Severity | None = None
    max_comments: int | None = None
    guidelines: str = ""
    features: Mapping[str, bool] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def ignores(self, path: str) -> bool:
        """Return whether the repository asked that this file is not reviewed."""
        return PathPatterns(self.ignore).match(path)


class _PlainLoader(yaml.SafeLoader):
    """YAML without anchors and without depth: a few hundred bytes of aliases stand for gigabytes, brackets cost their number squared."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("aliases (`*name`) are not allowed")
        self.depth += 1
        self._refuse_depth(self.depth)
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1

    def fetch_flow_collection_start(self, token: Any) -> None:
        self._refuse_depth(self.flow_level)
        super().fetch_flow_collection_start(token)

    @staticmethod
    def _refuse_depth(depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise yaml.YAMLError("it is nested too deeply")


def parse_instructions(text: str | None) -> ReviewInstructions:
    """Return the wishes that the file holds; without a file, or with one that is not understood, the platform's defaults."""
    if text is None or not text.strip():
        return ReviewInstructions()
    if len(text) > _MAX_CHARACTERS:
        return _nothing(f"it is longer than {_MAX_CHARACTERS:,} characters")
    try:
        found = yaml.load(text, Loader=_PlainLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        return _nothing(f"it is not plain YAML: {_one_line(error)}")
    if found is None:
        return ReviewInstructions()
    if not isinstance(found, dict):
        return _nothing("its top level is not a mapping")
    return _read(found)


def _nothing(why: str) -> ReviewInstructions:
    return ReviewInstructions(warnings=(f"{CONFIGURATION_PATH} was ignored: {why}.",))


def _one_line(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    said = getattr(error, "problem", None) or str(error) or type(error).__name__
    return " ".join(f"{said}{f' (line {mark.line + 1})' if mark else ''}".split())[:200]


def _read(found: dict[Any, Any]) -> ReviewInstructions:
    warnings: list[str] = []

    def warn(key: str, why: str) -> None:
        warnings.append(f"{CONFIGURATION_PATH}: `{key}` was ignored: {why}.")

    known = {"ignore", "severity_floor", "max_comments", "guidelines", "features"}
    for key in found:
        if key not in known:
            warn(_one_line(ValueError(str(key)))[:60], f"unknown; known are {', '.join(sorted(known))}")
    return ReviewInstructions(
        ignore=_patterns(found.get("ignore"), warn),
        severity_floor=_severity(found.get("severity_floor"), warn),
        max_comments=_count(found.get("max_comments"), warn),
        guidelines=_prose(found.get("guidelines"), warn),
        features=_switches(found.get("features"), warn),
        warnings=tuple(warnings),
    )


def _patterns(value: Any, warn: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        warn("ignore", "it must be a list of path patterns")
        return ()
    short = [item for item in items if 0 < len(item.strip()) <= MAX_PATTERN_CHARACTERS]
    if len(short) < len(items) or len(short) > MAX_PATTERNS:
        warn("ignore", f"more than {MAX_PATTERNS} patterns, or some are empty or too long; the others count")
    sound: list[str] = []
    for pattern in short[:MAX_PATTERNS]:
        fault = fault_of(pattern)
        if fault is None and sum(map(len, sound)) + len(pattern) > MAX_CHARACTERS:
            fault = f"all patterns together have more than {MAX_CHARACTERS:,} characters"
        if fault is None:
            sound.append(pattern.strip())
        else:
            warn(f"ignore: {_one_line(ValueError(pattern))[:60]}", fault)
    return tuple(sound)


def _severity(value: Any, warn: Any) -> Severity | None:
    if value is None:
        return None
    try:
        return Severity(value.lower() if isinstance(value, str) else value)
    except ValueError:
        warn("severity_floor", f"it must be one of {', '.join(Severity)}")
        return None


def _count(value: Any, warn: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_COMMENTS:
        warn("max_comments", f"it must be a whole number from 0 to {MAX_COMMENTS}")
        return None
    return value


def _prose(value: Any, warn: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        value = "\n".join(f"- {item}" for item in value)
    if not isinstance(value, str):
        warn("guidelines", "it must be text or a list of texts")
        return ""
    if len(value) > MAX_GUIDELINES_CHARACTERS:
        warn("guidelines", f"it is longer than {MAX_GUIDELINES_CHARACTERS:,} characters; the rest")
    return value[:MAX_GUIDELINES_CHARACTERS].strip()


def _switches(value: Any, warn: Any) -> dict[str, bool]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        warn("features", "it must map flags to true or false")
        return {}
    wrong = [key for key, switch in value.items() if key not in FEATURES or not isinstance(switch, bool)]
    for key in wrong[:20]:
        warn(f"features.{str(key)[:60]}", f"known flags are {', '.join(FEATURES)}, each true or false")
    return {key: switch for key, switch in value.items() if key not in wrong}
