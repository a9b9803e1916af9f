"""What was checked of an agent's product before anybody sees it."""

from __future__ import annotations

from codegen_platform.artifacts.document import Value


class Check(Value):
    """One thing that must hold; `detail` tells its numbers, also when it holds."""

    name: str
    passed: bool
    detail: str


class Validation(Value):
    """All checks of one product; it may be published only if every one of them passed."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Return whether there were checks and all of them passed."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    @property
    def failed_names(self) -> tuple[str, ...]:
        """Return the names of the checks that failed, in order."""
        return tuple(check.name for check in self.checks if not check.passed)
