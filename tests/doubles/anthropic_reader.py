"""How the double reads a prompt: as a model would, from the text alone, so that its quotes are real ones.

Nothing here is imported from the platform. A reviewer that garbled its files, its line numbers or its fences would get no
finding from this reader.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

FILE_HEADER = re.compile(r'^~{8,} FILE ("(?:[^"\\]|\\.)*").* ([0-9a-f]{12})$')
NUMBERED_LINE = re.compile(r"^ *(\d+) ([+|:]) (.*)$")
MARKER = re.compile(r"DEFECT(?:\((critical|high|medium|low|info)\))?:\s*(.+)")
CANDIDATE = re.compile(r"^~{8,} CLAIM (\d+) ([0-9a-f]{12})$")
REFUTE_WORD = "REFUTE-ME"


@dataclass(frozen=True)
class Pattern:
    regex: re.Pattern[str]
    title: str
    body: str
    severity: str
    category: str


def _pattern(regex: str, title: str, body: str, severity: str, category: str) -> Pattern:
    return Pattern(re.compile(regex), title, body, severity, category)


PATTERNS = (
    _pattern(
        r"def \w+\(.*=\s*(\[\]|\{\})",
        "Mutable default argument is shared between calls",
        "The default is made once; every caller that omits it changes the same object.",
        "medium",
        "bug",
    ),
    _pattern(
        r"shell\s*=\s*True",
        "Shell command built from a variable",
        "Whoever controls the argument runs commands.",
        "critical",
        "security",
    ),
    _pattern(
        r"\b(eval|exec)\(",
        "Evaluates text as code",
        "Whoever controls the text runs code in this process.",
        "critical",
        "security",
    ),
    _pattern(
        r"except\s*(Exception|BaseException)?\s*:\s*(pass)?\s*$",
        "Swallows every error",
        "The caller cannot tell success from failure.",
        "medium",
        "bug",
    ),
    _pattern(
        r"verify\s*=\s*False",
        "TLS certificate is not checked",
        "Anyone on the path can read and change the traffic.",
        "high",
        "security",
    ),
    _pattern(
        r"yaml\.load\((?!.*Safe)",
        "YAML loader runs constructors",
        "A document can construct arbitrary objects; use safe_load.",
        "high",
        "security",
    ),
    _pattern(
        r"pickle\.loads?\(",
        "Unpickles data",
        "Unpickling runs code that the data chooses.",
        "high",
        "security",
    ),
    _pattern(
        r"(execute|query)\(\s*f?[\"'].*(\{|%s?[\"']\s*%|\"\s*\+)",
        "SQL built from text",
        "A quote in the value ends the literal; pass it as a parameter.",
        "critical",
        "security",
    ),
    _pattern(
        r"<=\s*(len\(|\w+\.length|\w+\.size\(\)|\w+\.len\(\))|range\(len\([^)]*\)\s*\+\s*1\)",
        "Runs one past the end",
        "The last index is the length minus one, so the final step reads past the end.",
        "high",
        "bug",
    ),
    _pattern(
        r"==\s*None|!=\s*None",
        "Compares with None by value",
        "A type that defines equality decides the result.",
        "low",
        "bug",
    ),
    _pattern(
        r"st_mtime.*reverse=True",
        "The oldest key signs, not the newest",
        "Keys are listed newest first, but the signer signs with the last one.",
        "high",
        "bug",
    ),
    _pattern(
        r"\bassert True\b|assert .* or True",
        "Test cannot fail",
        "The assertion is true whatever the code does.",
        "medium",
        "test",
    ),
)


@dataclass(frozen=True)
class ShownLine:
    path: str
    number: int
    is_added: bool
    text: str


def shown_lines(prompt: str) -> Iterator[ShownLine]:
    """Yield the numbered lines of every file block of a prompt, in order."""
    path, key = None, None
    for line in prompt.split("\n"):
        header = FILE_HEADER.match(line)
        if path is None and header:
            path, key = json.loads(header[1]), header[2]
        elif path is not None and line.endswith(f"~ END {key}"):
            path = None
        elif path is not None and (numbered := NUMBERED_LINE.match(line)):
            yield ShownLine(path=path, number=int(numbered[1]), is_added=numbered[2] == "+", text=numbered[3])


def findings(prompt: str) -> list[dict[str, Any]]:
    """Return what a careful reader would find on the added lines: markers first, else known defects."""
    found = []
    for line in shown_lines(prompt):
        if not line.is_added:
            continue
        marker = MARKER.search(line.text)
        if marker:
            found.append(_finding(line, marker[2].strip(), "A marker says so.", marker[1] or "high", "bug"))
            continue
        for pattern in PATTERNS:
            if pattern.regex.search(line.text):
                found.append(_finding(line, pattern.title, pattern.body, pattern.severity, pattern.category))
                break
    return found


def verdicts(prompt: str) -> list[dict[str, Any]]:
    """Return a verdict on every claim of a refutation prompt: refuted if the claim's block holds the word for it."""
    answers: list[dict[str, Any]] = []
    number, key, said = None, None, ""
    for line in prompt.split("\n"):
        header = CANDIDATE.match(line)
        if number is None and header:
            number, key, said = int(header[1]), header[2], ""
        elif number is not None and line.endswith(f"~ END {key}"):
            refuted = REFUTE_WORD in said
            reason = "The code shown contradicts it." if refuted else "Nothing shown contradicts it."
            answers.append({"claim": number, "reason": reason, "verdict": "refuted" if refuted else "stands"})
            number = None
        elif number is not None:
            said += line
    return answers


def _finding(line: ShownLine, title: str, body: str, severity: str, category: str) -> dict[str, Any]:
    return {
        "path": line.path,
        "line": line.number,
        "quote": line.text,
        "body": body,
        "title": title,
        "category": category,
        "severity": severity,
        "suggestion": "",
    }
