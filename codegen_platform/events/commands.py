"""Commands in comments: `/review`, `/fix`, `/generate`, `/cancel` at the start of a line."""

from __future__ import annotations

import re

from codegen_platform.events.routes import COMMANDS

MAX_CHARACTERS = 65_536
"""GitHub's own limit of a comment."""

_COMMAND = re.compile(rf"/({'|'.join(COMMANDS)})(?=\s|$)")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


def find_command(text: str) -> str | None:
    """Return the first command in a comment, without its slash; None if there is none.

    Only the start of a line counts, so that a quoted reply (`> /review`) repeats no command, and fenced code is passed over.
    """
    fence = ""
    for line in text[:MAX_CHARACTERS].splitlines():
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        elif mark:
            fence = mark[1]
        elif command := _COMMAND.match(line):
            return command[1]
    return None
