"""Characters that hide, reorder or pile up, shown for what they are; emoji and scripts that need joiners keep them."""

from __future__ import annotations

import re
from typing import Final

from codegen_platform.security.visible import visible

_ACCENTS: Final = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]"
_PILED: Final = re.compile(f"({_ACCENTS}{{4}}){_ACCENTS}+")
_PICTURE: Final = "[\u00a9\u00ae\u2190-\u27ff\u2900-\u2bff\u3030\U0001f000-\U0001faff]"
_TONE: Final = "[\ufe0f\U0001f3fb-\U0001f3ff]"
_LEGITIMATE: Final = re.compile(
    f"{_PICTURE}{_TONE}?(?:\u200d{_PICTURE}{_TONE}?)*"
    "|[0-9#*]\ufe0f\u20e3"
    "|(?<=[\u0620-\u0dff])[\u200c\u200d](?=[\u0620-\u0dff])"  # Arabic and Indic letters are spelled with joiners
)


def plain_characters(text: str) -> str:
    r"""Return `text` with invisible and reordering characters shown as `\u202e`, lines ended by `\n`, at most four accents on a letter."""
    text = _PILED.sub(r"\1", text.replace("\r\n", "\n").replace("\r", "\n"))
    parts: list[str] = []
    at = 0
    for match in _LEGITIMATE.finditer(text):
        if len(match[0]) == 1 and match[0] not in "\u200c\u200d":
            continue
        parts += [visible(text[at : match.start()], keep="\n\t"), match[0]]
        at = match.end()
    return "".join([*parts, visible(text[at:], keep="\n\t")])
