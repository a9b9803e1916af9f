"""Which rules a text can break at all: one pass over the text for all of them, before anything is parsed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class Needs:
    """The regular expressions of many rules, searched together.

    RE2 in one automaton: linear in the text whatever the text, and about 100 times faster than one search per rule.
    """

    def __init__(self, patterns: Mapping[str, Sequence[str]], *, case_sensitive: bool = False) -> None:
        import re2

        options = re2.Options()
        options.case_sensitive = case_sensitive
        options.max_mem = 64 << 20
        self._owners: list[str] = []
        self._always = frozenset(rule for rule, needs in patterns.items() if not needs)
        self._set = re2.Set.SearchSet(options)
        for rule, needs in patterns.items():
            for need in needs:
                self._set.Add(need)
                self._owners.append(rule)
        if self._owners:
            self._set.Compile()

    def wanted_by(self, text: str | bytes) -> frozenset[str]:
        """Return the rules that have a need that this text meets, and those without needs."""
        if not self._owners:
            return self._always
        return self._always | {self._owners[index] for index in self._set.Match(text) or ()}
