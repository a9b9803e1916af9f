"""Values that stand where a secret would: written to be replaced, or too regular to open anything."""

from __future__ import annotations

import math
from collections import Counter
from functools import lru_cache

from codegen_platform.analysis.secret_rules import SecretRule, secret_rules

MAX_WORDED = 200
"""Characters up to which words in a value mean something. In a key of 4,096 bits any word of five letters comes up by chance."""
MIN_KEY_RUN = 40
"""Characters that a line of a private key has at least: the smallest keys, of Ed25519, have one line of 64."""
_FRAME = b"-----"
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")


def is_stand_in(rule: SecretRule, *, secret: bytes, match: bytes, line: bytes, path: str) -> bool:
    """Return whether a text of a secret's form is none, for one of these reasons.

    It says so in words (`example`, `your-token`), itself or, for a rule that goes by the name beside it, in that name. It is a template
    or was cut (`${NAME}`, `<name>`, `...`). It hardly varies: its entropy is below the rule's, or two characters make up two thirds of
    it. It is a key's frame without a key in it. Or an allowlist of the rule names it.
    """
    rules = secret_rules()
    if not secret or (rules.stand_ins if len(secret) <= MAX_WORDED else rules.templates).search(secret):
        return True
    if _hardly_varies(secret, rule.entropy) or (_FRAME in secret and not _holds_key(secret)):
        return True
    if rule.guesses and rules.placeholder_names.search(match.replace(secret, b"")):
        return True
    return any(
        allowlist.allows(secret=secret, match=match, line=line, path=path)
        for allowlist in (rules.stopwords, *rule.allowlists)
    )


@lru_cache(maxsize=256)
def _hardly_varies(secret: bytes, least_entropy: float) -> bool:
    counts = Counter(secret)
    size = len(secret)
    if sum(count for _, count in counts.most_common(2)) * 3 >= size * 2:
        return True
    return least_entropy > 0 and _entropy(counts, size) < least_entropy


def _entropy(counts: Counter[int], size: int) -> float:
    """Return Shannon entropy in bits a character."""
    return -sum(count / size * math.log2(count / size) for count in counts.values())


def _holds_key(block: bytes) -> bool:
    """Return whether a block framed as a key holds a line of base64 as long as keys have, in whatever way line breaks are written."""
    text = block.replace(b"\\r", b"\n").replace(b"\\n", b"\n")
    return any(_longest_run(line) >= MIN_KEY_RUN for line in text.split(b"\n"))


def _longest_run(line: bytes) -> int:
    """Return the length of the longest run of characters of base64."""
    longest = size = 0
    for character in line:
        size = size + 1 if character in _BASE64 else 0
        longest = max(longest, size)
    return longest
