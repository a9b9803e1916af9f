"""Masks texts that a finding must not repeat verbatim: secrets, and characters that hide or reorder text."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from codegen_platform.security.visible import marked

DOTS = "••••••"
MIN_PART = 5
"""Characters of a secret that say nothing on their own are fewer than this."""
GRAM = 8
"""A run of so many characters of a secret is masked wherever it stands, also where the rest of the secret does not."""
MANY_PARTS = 500
"""Secrets, or lines of secrets, that are not searched one by one any more."""
MAX_SECRET_CHARACTERS = 300_000
"""Of all secrets of a change together: a hundred keys of 2,048 bits."""

_RANGES = (
    (0x00, 0x08), (0x0B, 0x0B), (0x0E, 0x1F), (0x7F, 0x84), (0x86, 0x9F), (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C),
    (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x200B, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164),
    (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF9, 0xFFFB), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)  # fmt: skip
HIDDEN = frozenset(chr(point) for first, last in _RANGES for point in range(first, last + 1))
"""Characters without a shape of their own; the analyser of hidden characters decides which of them are wrong where."""


class Masker:
    """Replaces secrets in texts by dots, always as many, in time linear in secrets and text.

    A secret of several lines is masked line by line as well. The frame of a key (`-----BEGIN ...-----`) is no secret.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        parts = {part for secret in secrets for part in _parts(secret)}
        self._parts = parts
        self._grams = {part[at : at + GRAM] for part in parts for at in range(len(part) - GRAM + 1)}
        self._short = {part for part in parts if len(part) < GRAM}
        self._short_sizes = sorted({len(part) for part in self._short})

    def __bool__(self) -> bool:
        return bool(self._grams or self._short)

    def stands_in(self, text: str) -> bool:
        """Return whether a secret, or a whole line of one, may stand in the text: far cheaper than masking a text that has none."""
        return len(self._parts) > MANY_PARTS or any(part in text for part in self._parts)

    def mask(self, text: str, *, limit: int | None = None) -> str:
        """Return the first `limit` characters of the text, all without a limit; a secret that the limit cuts is masked whole."""
        if not self:
            return text[:limit]
        pieces: list[str] = []
        at = 0
        for start, end in self._spans(text, len(text) if limit is None else min(limit, len(text))):
            pieces += [text[at:start], DOTS]
            at = end
        return "".join([*pieces, text[at:limit]])

    def _spans(self, text: str, limit: int) -> Iterator[tuple[int, int]]:
        """Yield where secrets stand that begin before `limit`: ascending, apart from each other."""
        start = end = 0
        for at in range(limit):
            size = GRAM if text[at : at + GRAM] in self._grams else 0
            size = size or next((n for n in reversed(self._short_sizes) if text[at : at + n] in self._short), 0)
            if not size:
                continue
            if at > end and end:
                yield start, end
            if at > end or not end:
                start = at
            end = max(end, at + size)
        if end:
            yield start, end


def masker_for(secrets: Mapping[str, Collection[str]]) -> tuple[Masker, frozenset[str]]:
    """Return a masker for the secrets of a change, and the files that hold more of them than can be masked in reasonable time.

    Nothing of the text of such a file may be repeated. `secrets`: path -> texts.
    """
    masked: list[str] = []
    left = MAX_SECRET_CHARACTERS
    unshown: set[str] = set()
    for path, texts in secrets.items():
        size = sum(map(len, texts))
        if size <= left:
            masked += texts
            left -= size
        else:
            unshown.add(path)
    return Masker(masked), frozenset(unshown)


def _parts(secret: str) -> Iterator[str]:
    """Yield the secret's text without the frame of a key, line by line."""
    for piece in secret.split("-----"):
        if not piece.startswith(("BEGIN ", "END ")):
            yield from (part for line in piece.split("\n") if len(part := line.strip()) >= MIN_PART)


def show_hidden(text: str) -> str:
    """Return text with hidden characters as `⟦U+202E⟧`; a mark that only picks the look of an emoji stays."""
    return marked(text, keep="\t\n\ufe0f")
