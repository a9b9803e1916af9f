"""Carriage returns on their own: git and GitHub see no line end in them, Python, JavaScript and Java do.

`# harmless<CR>os.system(x)` is one line of a diff, and runs. So analysers get such a file with its language's lines, and their
claims are mapped to the line of the diff.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate

from codegen_platform.analysis.claims import Analyser, Claim, Claims
from codegen_platform.analysis.sources import SourceFile
from codegen_platform.artifacts import SkipReason

_BREAKS = frozenset({"python", "javascript", "typescript", "java", "kotlin", "scala", "csharp", "swift"})


class AsLanguagesSeeLines:
    """An analyser that gets files with the lines that their languages see."""

    def __init__(self, analyser: Analyser) -> None:
        """Wrap an analyser."""
        self._analyser = analyser
        self.name, self.languages = analyser.name, analyser.languages
        self.reads_together = bool(getattr(analyser, "reads_together", False))

    @property
    def version(self) -> str:
        """Return the analyser's."""
        return self._analyser.version

    def run(self, files: Sequence[SourceFile]) -> Claims:
        """Return the analyser's claims, on the lines of the diff.

        A file that parses only without these line ends is not reported as broken: the error would be invisible.
        """
        odd = [source for source in files if "\r" in (source.text or "")]
        if not odd:
            return self._analyser.run(files)
        run = self._run(files, {source.path: _Lines(source) for source in odd})
        doubtful = [source for source in odd if run.unread.get(source.path) is SkipReason.SYNTAX_ERROR]
        if not doubtful:
            return run
        again = self._run(doubtful, {source.path: _Lines(source, breaks=False) for source in doubtful})
        parsing = {source.path for source in doubtful} - {
            path for path, reason in again.unread.items() if reason is SkipReason.SYNTAX_ERROR
        }
        return replace(
            run,
            claims=tuple(
                [claim for claim in run.claims if claim.path not in parsing]
                + [claim for claim in again.claims if claim.path in parsing]
            ),
            unread={**run.unread, **dict.fromkeys(parsing, SkipReason.UNSUPPORTED_SYNTAX)},
        )

    def _run(self, files: Sequence[SourceFile], odd: Mapping[str, _Lines]) -> Claims:
        run = self._analyser.run([odd[file.path].source if file.path in odd else file for file in files])
        return replace(
            run,
            claims=tuple(odd[claim.path].on_diff_lines(claim) if claim.path in odd else claim for claim in run.claims),
        )


class _Lines:
    """One file, its lines broken at carriage returns too, or with a blank for each."""

    def __init__(self, file: SourceFile, *, breaks: bool = True) -> None:
        self._breaks = breaks and file.language in _BREAKS
        lines = (file.text or "").split("\n")
        counts = [line.count("\r") + 1 if self._breaks else 1 for line in lines]
        self._starts = list(accumulate(counts, initial=1))
        self.source = self._broken(file)

    def _broken(self, file: SourceFile) -> SourceFile:
        lines: dict[int, str] = {}
        for number, line in file.lines.items():
            start, end = self._starts[number - 1 : number + 1]
            parts = line.split("\r") if self._breaks else [line]
            # A hunk shows the CR of a CR LF, which the text has not; and the CR that ends a file, behind which the text has an empty line.
            lines |= dict(zip(range(start, end), parts, strict=False))
        return replace(
            file,
            text=(file.text or "").replace("\r", "\n" if self._breaks else " "),
            lines=lines,
            spans=tuple((self._starts[first - 1], self._starts[last] - 1) for first, last in file.spans),
            touched=tuple(
                part for number in file.touched for part in range(self._starts[number - 1], self._starts[number])
            ),
            before=_Lines(file.before, breaks=self._breaks).source if file.before is not None else None,
        )

    def on_diff_lines(self, claim: Claim) -> Claim:
        """Return the claim on the lines of the diff; a suggestion would be for other lines."""
        line, end_line = (bisect_right(self._starts, number) for number in (claim.line, claim.end_line))
        return replace(claim, line=line, end_line=end_line, suggestion=None)
