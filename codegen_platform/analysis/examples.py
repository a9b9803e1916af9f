"""Finds blocks of code in prose, such as examples in documentation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from codegen_platform.analysis.sources import SourceFile

_FENCED = frozenset({"markdown", "text"})
_MIN_FENCE = 3
_LATEX_BLOCKS = ("verbatim", "lstlisting", "minted", "Verbatim", "alltt")


def example_blocks(source: SourceFile) -> dict[int, int]:
    """Return line number -> number of the block of code that the line stands in, for lines within such blocks.

    Only blocks whose lines may begin in the first column are looked for: code that is marked by indentation (`.. code-block::`, four
    blanks) ends where a line is not indented. A block that is never closed is none.
    """
    if source.text is not None:
        lines: Iterable[tuple[int, str]] = enumerate(source.text.split("\n"), start=1)
    else:
        lines = sorted(source.lines.items())
    if source.language in _FENCED:
        blocks = _fenced(lines)
    elif source.language == "asciidoc":
        blocks = _delimited(lines)
    elif source.language == "latex":
        blocks = _environments(lines)
    else:
        return {}
    return {number: block for block, (first, last) in enumerate(blocks) for number in range(first, last + 1)}


def _fenced(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, int]]:
    """Yield first and last line of each fenced block: it ends at a fence of the same character that is at least as long, and bare."""
    opened, fence, in_list = 0, "", False
    for number, line in lines:
        text = line.strip(" \t\r>")
        if not opened:
            item = _without_list_mark(text)
            in_list = item != text or (in_list and (not text or line[0] in " \t"))
            if not in_list and line.startswith(("    ", "\t")):
                continue  # code by indentation, which may show a fence
            text = item
        run = _fence(text)
        rest = text.removeprefix(run)
        if run and not opened:
            # A fence of backticks has none in the words behind it: that would be a code span.
            opened, fence = (number, run) if run[0] == "~" or "`" not in rest else (0, "")
        elif run and run[0] == fence[0] and len(run) >= len(fence) and not rest:
            yield opened, number
            opened = 0


def _without_list_mark(text: str) -> str:
    """Return the text of a list item, or the text as it is."""
    if text[:2] in ("- ", "* ", "+ "):
        return text[2:].lstrip()
    digits = text[: min(len(text) - len(text.lstrip("0123456789")), 9)]
    return text[len(digits) + 2 :].lstrip() if digits and text[len(digits) :][:2] in (". ", ") ") else text


def _fence(text: str) -> str:
    """Return the run of three or more backticks or tildes that the text begins with; empty if there is none."""
    runs = (text[: len(text) - len(text.lstrip(mark))] for mark in "`~")
    return next((run for run in runs if len(run) >= _MIN_FENCE), "")


def _delimited(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, int]]:
    """Yield the blocks of AsciiDoc between two equal lines of dashes, dots or plus signs, or fences."""
    opened, delimiter = 0, ""
    for number, line in lines:
        text = line.rstrip()
        if opened:
            if text == delimiter:
                yield opened, number
                opened = 0
        elif (len(text) >= 4 and text[0] in "-.+" and not text.strip(text[0])) or text.startswith("```"):
            opened, delimiter = number, "```" if text.startswith("```") else text


def _environments(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, int]]:
    """Yield the environments of LaTeX that show their text as it is."""
    opened, name = 0, ""
    for number, line in lines:
        if opened:
            if f"\\end{{{name}}}" in line:
                yield opened, number
                opened = 0
        elif "\\begin{" in line:
            begun = next((each for each in _LATEX_BLOCKS if f"\\begin{{{each}}}" in line), None)
            if begun and f"\\end{{{begun}}}" not in line:
                opened, name = number, begun
