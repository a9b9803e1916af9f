"""Texts that look random; tokens are put together here so that no scanner takes the tests for a leak."""

from __future__ import annotations

import random
import string

ALNUM = string.ascii_letters + string.digits
UPPER = string.ascii_uppercase + "234567"


def made_up(length: int, alphabet: str = ALNUM, *, seed: int = 5) -> str:
    """Return characters that look random, the same for the same seed."""
    return "".join(random.Random(seed).choices(alphabet, k=length))
