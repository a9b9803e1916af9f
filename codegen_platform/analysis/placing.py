"""From claims to findings: held against the change, quoted, masked, without duplicates, in one stable order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

from codegen_platform.analysis.claims import Claim
from codegen_platform.analysis.masking import DOTS, masker_for, show_hidden
from codegen_platform.analysis.sources import SourceFile
from codegen_platform.artifacts import Category, Finding

_Key = tuple[str, int, str]

MAX_LINES = 10
"""A finding on more lines points at nothing: it is cut to its first ones."""
MAX_QUOTED_CHARACTERS = 400
MAX_TITLE_CHARACTERS = 160
MAX_SHOWN_CHARACTERS = 160
MAX_BODY_CHARACTERS = 1_500


def place(claim: Claim, source: SourceFile) -> tuple[int, int] | None:
    """Return the lines that a finding for this claim stands on: touched by the change, within one hunk; None if there are none.

    A claim on more than `MAX_LINES` lines counts only if the line where it begins is touched: an edit somewhere inside a long block is not
    what made the block wrong.
    """
    first = source.touches(claim.line, claim.end_line)
    if claim.about_the_file:
        first = first or _nearest(claim.line, source)
        return (first, first) if first else None
    is_long = claim.end_line - claim.line >= MAX_LINES
    if first is None or (is_long and first != claim.line):
        return None
    span = source.span_of(first)
    if span is None:
        return None
    line = max(claim.line, span[0])
    if first - line >= MAX_LINES:
        line = first
    return line, min(claim.end_line, span[1], line + MAX_LINES - 1)


def findings_from(
    claims: Iterable[Claim], sources: Mapping[str, SourceFile], secrets: Mapping[str, Collection[str]]
) -> list[Finding]:
    """Return the claims that the change touches as findings: each problem once, most severe first, then by path and line.

    Claims of several tools about the same `what` on one line are one problem; several claims of one rule on a line form one finding.

    The same words about the next line are the same problem, reported once: `check_hostname = False`, `verify_mode = CERT_NONE`.

    `quote` is the head text of the lines with two exceptions, because a finding travels further than the code does: secrets are masked, and
    characters that hide are shown as `⟦U+202E⟧`. Very long lines are cut, after masking. `secrets`: path -> texts that no finding may show.
    """
    claims = list(claims)
    words = _Words(secrets)
    conflicted = {claim.path for claim in claims if claim.what == "conflict"}
    kept: dict[_Key, Finding] = {}
    titles: dict[_Key, set[str]] = {}
    told_to: dict[tuple[str, int, str], _Key] = {}
    for claim in sorted(claims, key=lambda c: (c.severity.rank, c.path, c.line, c.rule)):
        source = sources[claim.path]
        lines = place(claim, source)
        if lines is None or (claim.what == "syntax" and claim.path in conflicted):
            continue
        key = claim.path, 0 if claim.about_the_file else lines[0], claim.what
        if key in kept and kept[key].source == claim.rule and claim.title not in titles[key]:
            kept[key] = words.with_another(kept[key], claim)
            titles[key].add(claim.title)
        above = told_to.get((claim.path, lines[0] - 1, claim.title))
        if above and lines[1] < kept[above].line + MAX_LINES:
            key, lines = above, (kept.pop(above).line, lines[1])
        if key not in kept:
            kept[key] = words.finding(claim, lines, source)
            titles[key] = {claim.title}
            told_to[claim.path, lines[1], claim.title] = key
    findings = sorted(kept.values(), key=lambda f: (f.severity.rank, f.path, f.line, f.end_line, f.source))
    return list(_told_apart(findings))


def _told_apart(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the findings; secrets in equal lines of a file are numbered, or masking would make one finding of them."""
    seen: Counter[tuple[str, str, str]] = Counter()
    for finding in findings:
        key = finding.path, finding.source, finding.quote
        seen[key] += 1
        if finding.category is Category.SECRET and seen[key] > 1:
            finding = finding.model_copy(update={"quote": f"{finding.quote} ({seen[key]})"})
        yield finding


def _nearest(line: int, source: SourceFile) -> int | None:
    """Return the last touched line above `line`, else the first one below: what broke a file stands above where a parser noticed."""
    above = [number for number in source.touched if number <= line]
    return above[-1] if above else next(iter(source.touched), None)


class _Words:
    """The texts of findings without the secrets of the change: masked in the file where they stand and in every other one.

    A file with more secrets than can be masked in reasonable time shows nothing of its text.
    """

    def __init__(self, secrets: Mapping[str, Collection[str]]) -> None:
        self._masker, self._unshown = masker_for(secrets)
        self._holders = frozenset(path for path, texts in secrets.items() if texts)
        self._lines: dict[tuple[str, int], str] = {}

    def finding(self, claim: Claim, lines: tuple[int, int], source: SourceFile) -> Finding:
        """Return the claim as a finding on these lines."""
        line, end_line = lines
        title, body = self._masker.mask(claim.title), claim.body
        if claim.path in self._unshown and not claim.secrets:
            title, body = claim.rule, "The file contains so many secrets that its text is not shown here."
        elif claim.shows_line:
            shown = self._line(source, line).strip()[:MAX_SHOWN_CHARACTERS].replace("`", "'")
            body = f"{body} The line with hidden characters made visible: `{shown}`"
        fits = lines == (claim.line, claim.end_line) and claim.path not in self._holders
        return Finding(
            path=claim.path,
            line=line,
            end_line=end_line,
            severity=claim.severity,
            category=claim.category,
            title=title if len(title) <= MAX_TITLE_CHARACTERS else title[: MAX_TITLE_CHARACTERS - 1] + "…",
            body=self._masker.mask(body),
            quote="\n".join(self._line(source, number) for number in range(line, end_line + 1)),
            source=claim.rule,
            suggestion=claim.suggestion if fits and self._is_clean(claim.suggestion) else None,
        )

    def with_another(self, finding: Finding, claim: Claim) -> Finding:
        """Return the finding with the title of a second claim of its rule on its lines: another name, another secret."""
        title = self._masker.mask(claim.title)[:MAX_TITLE_CHARACTERS]
        if (claim.path in self._unshown and not claim.secrets) or len(finding.body) > MAX_BODY_CHARACTERS:
            return finding
        return finding.model_copy(update={"body": f"{finding.body}\n\nAlso here: {title}."})

    def _is_clean(self, text: str | None) -> bool:
        return text is None or self._masker.mask(text) == text

    def _line(self, source: SourceFile, number: int) -> str:
        """Return the beginning of a line as a finding may show it."""
        key = source.path, number
        if key not in self._lines:
            text = source.lines[number].removesuffix("\r")
            masked = DOTS if source.path in self._unshown else self._masker.mask(text, limit=MAX_QUOTED_CHARACTERS)
            self._lines[key] = show_hidden(masked)
        return self._lines[key]
