"""Kinds of tasks: names for what agents can do. A kind exists here if it ships, or if a registered agent says that it can do it."""

from __future__ import annotations

from collections.abc import Iterable

from codegen_platform.errors import WrongUsage
from codegen_platform.store import Store

KIND_PATTERN = r"^[a-z][a-z0-9_]{0,63}$"
LANGUAGE_PATTERN = r"^[a-z][a-z0-9+#._-]{0,31}$"

SHIPPED = frozenset({"review_pull_request"})

LANGUAGE = "language:"
"""Begins the capability, and the requirement, to work on code in a language."""


class NoAgent(WrongUsage):
    """Nobody here can do this kind of work: it would wait for ever."""

    code = "no_agent"


def requirements(languages: Iterable[str]) -> list[str]:
    """Return what an agent must be capable of, beside the kind, to work on code in these languages."""
    return [f"{LANGUAGE}{language}" for language in dict.fromkeys(languages)]


def refuse_without_agent(store: Store, kinds: Iterable[str]) -> None:
    """Refuse kinds that neither ship nor are among the capabilities of a registered agent that is not disabled.

    Raises:
        NoAgent: at least one of them; the sentence says how many, not which, since their names are the caller's.
    """
    missing = {*kinds} - SHIPPED
    if missing and (missing := missing - store.agents.kinds()):
        which = "this kind of task" if len(missing) == 1 else f"{len(missing)} of these kinds of tasks"
        raise NoAgent(f"no agent for {which} is registered; see GET /api/v1/agents")
