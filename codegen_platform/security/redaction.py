"""Secrets kept out of what leaves: known ones block, whatever disguise they wear; what looks like one is masked.

Two gates with different answers. `KnownSecrets` holds this installation's own credentials: a trace of one in outgoing text means that
something reached them, so the text is refused. `mask_tokens` knows the shapes of other people's tokens: they are replaced, the text goes.
"""

from __future__ import annotations

import base64
import codecs
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

GRAM: Final = 12
"""Characters that must agree before two texts count as sharing a secret: 36^12 keeps chance out, and half a token is still caught."""

_DISTINCT_MIN: Final = 6  # a gram such as `aaaaaaaaaaaa` or `xxxxxxxx1234` says nothing
_NOT_ALPHANUMERIC: Final = re.compile(r"[^0-9a-z]+")
_HEX_ESCAPE: Final = re.compile(r"\\x([0-9a-fA-F]{2})|%([0-9a-fA-F]{2})|&#x([0-9a-fA-F]{2,4});|\\u00([0-9a-fA-F]{2})")

# Shapes that their issuers document. Every pattern is a fixed beginning and one run of characters: linear time on any text.
_TOKENS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"\b(gh[pousr]_)[A-Za-z0-9_.\-]{20,}",  # GitHub, also the installation tokens of 2026 that carry a JWT
        r"\b(github_pat_)[A-Za-z0-9_]{22,}",
        r"\b(glpat-|gldt-|glrt-)[A-Za-z0-9_\-]{20,}",
        r"\b(sk-ant-)[A-Za-z0-9_\-]{20,}",
        r"\b(sk-)(?:proj-|svcacct-|admin-|or-v1-)?[A-Za-z0-9_\-]{32,}",
        r"\b(AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b",
        r"\b(AIza)[A-Za-z0-9_\-]{35}",
        r"\b(ya29\.)[A-Za-z0-9_\-]{20,}",
        r"\b(xox[abeoprs]-|xapp-)[A-Za-z0-9\-]{10,}",
        r"(hooks\.slack\.com/(?:services|workflows|triggers)/)[A-Za-z0-9/]{20,}",
        r"\b((?:sk|rk|pk)_(?:live|test)_)[A-Za-z0-9]{10,}",
        r"\b(whsec_)[A-Za-z0-9+/=]{20,}",
        r"\b(npm_)[A-Za-z0-9]{36}",
        r"\b(pypi-AgE)[A-Za-z0-9_\-]{50,}",
        r"\b(dop_v1_|doo_v1_|dor_v1_)[a-f0-9]{64}",
        r"\b(hvs\.|hvb\.)[A-Za-z0-9_\-]{20,}",
        r"\b(SG\.)[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,}",
        r"\b(hf_)[A-Za-z]{34}\b",
        r"\b(shp(?:at|ca|pa|ss)_)[a-fA-F0-9]{32}",
        r"\b(AGE-SECRET-KEY-1)[A-Z0-9]{58}",
        r"\b(eyJ)[A-Za-z0-9_\-]{10,}\.eyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{10,}",
        r"(?i)\b((?:authorization|proxy-authorization)\s*[:=]\s*['\"]?(?:bearer|basic|token)\s+)[A-Za-z0-9+/=_.\-]{16,}",
        r"\b([a-zA-Z][a-zA-Z0-9+.\-]{1,15}://[^\s/:@'\"<>]{0,128}:)[^\s/@'\"<>]{3,256}(?=@)",  # a password in an address
    )
)
_PRIVATE_KEY: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?)-----")


class KnownSecrets:
    """The exact values that must never leave, recognised through common disguises.

    Caught: a part of 12 characters or more (letters and digits) of the value as it is, with separators or invisible characters put in,
    full-width, in another case, reversed, ROT13, as hex, URL-encoded, base64 at any offset, base32, and base64 twice.
    Not caught: ciphers chosen freely, words for characters, parts under 12 characters. Those values must not be reachable at all.
    """

    def __init__(self, values: Iterable[str]) -> None:
        self._grams = frozenset(gram for value in values if value for gram in _grams_of_secret(value))

    def __bool__(self) -> bool:
        return bool(self._grams)

    def __repr__(self) -> str:
        return f"KnownSecrets({len(self._grams)} grams)"

    def leak_in(self, text: str) -> bool:
        """Return whether `text` carries a part of a known secret. About 15 ms for 64 KB."""
        if not self._grams:
            return False
        plain = _squeezed(text)
        found = any(plain[at : at + GRAM] in self._grams for at in range(len(plain) - GRAM + 1))
        return found or (bool(_HEX_ESCAPE.search(text)) and self.leak_in(_HEX_ESCAPE.sub(_unescaped, text)))


def mask_tokens(text: str) -> tuple[str, int]:
    """Return `text` with everything that has the shape of a credential replaced by its kind and `[masked]`, and how many there were."""
    masked = 0
    for pattern in _TOKENS:
        text, count = pattern.subn(r"\1[masked]", text)
        masked += count
    text, keys = _mask_private_keys(text)
    return text, masked + keys


def _mask_private_keys(text: str) -> tuple[str, int]:
    """Cut from each BEGIN line to its END line, or to the end of the text if the key was cut short."""
    parts: list[str] = []
    at = count = 0
    while begin := _PRIVATE_KEY.search(text, at):
        closing = f"-----END {begin[1]}-----"
        end = text.find(closing, begin.end())
        parts += [text[at : begin.start()], f"[masked {begin[1].lower()}]"]
        at = len(text) if end < 0 else end + len(closing)
        count += 1
    return "".join([*parts, text[at:]]), count


def _squeezed(text: str) -> str:
    """Return the letters and digits of `text` in lower case, look-alike forms folded by NFKC, everything between them removed."""
    return _NOT_ALPHANUMERIC.sub("", unicodedata.normalize("NFKC", text).lower())


def _unescaped(match: re.Match[str]) -> str:
    return chr(int(next(filter(None, match.groups())), 16))


def _grams_of_secret(value: str) -> Iterator[str]:
    for form in _disguises(_without_armour(value)):
        plain = _squeezed(form)
        for at in range(len(plain) - GRAM + 1):
            gram = plain[at : at + GRAM]
            if len(set(gram)) >= _DISTINCT_MIN:
                yield gram


def _without_armour(value: str) -> str:
    """Return what is secret in a PEM key: its frame and the first bytes are the same in every key."""
    if not value.lstrip().startswith("-----BEGIN"):
        return value
    return "".join(line.strip() for line in value.splitlines() if not line.startswith("-----"))[48:]


def _disguises(value: str) -> Iterator[str]:
    yield value
    yield value[::-1]
    yield codecs.encode(value, "rot13")
    data = value.encode("utf-8", "surrogatepass")
    yield data.hex()
    for once in _base64_at_any_offset(data):
        yield once
        yield from _base64_at_any_offset(once.encode())
    for offset in range(5):
        yield base64.b32encode(b"\0" * offset + data).decode()[2 * offset :].rstrip("=")[:-1]


def _base64_at_any_offset(data: bytes) -> Iterator[str]:
    """Return the characters of base64 that depend on `data` alone, for each position it can have in a longer text.

    The first characters mix with what stands before and the last one with what follows, so they are left out.
    """
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + data).decode().rstrip("=")
        yield encoded[4 if offset else 0 : len(encoded) - 1]
