"""What every measurement needs: the work, the doubles, the platform, and what was said on the command line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import work
from bench.doubles import GitHub, Model, Pull, doubles
from bench.platform import SECRET, BenchPlatform, variables_for, with_peers
from bench.reviews import Reviewing


@dataclass(kw_only=True)
class Setting:
    """The bench as it stands.

    Attributes:
        folder: temporary; everything that the bench writes is in it.
        given: environment that the platform gets on top.
        quick: measure with a third of the work, and leave out what takes minutes.
        say: tells a person what is going on.
    """

    folder: Path
    releases: Path
    changes: list[work.Change]
    github: GitHub
    model: Model
    given: dict[str, str]
    quick: bool
    say: Callable[[str], None]
    _platform: BenchPlatform | None = None
    _rounds: int = field(default=0)

    @property
    def platform(self) -> BenchPlatform:
        """Return the platform that all measurements share, started if it does not run.

        Raises:
            NotStarted: it did not come up.
        """
        if self._platform is None:
            home = self.folder / "shared-home"
            peers = with_peers(self.github, self.model)
            self._platform = BenchPlatform(home=home, variables=variables_for(home, peers | self.given))
        if not self._platform.is_running:
            self.say("starting a platform")
            self._platform.start()
        return self._platform

    def pulls(self, name: str, count: int | None = None) -> list[Pull]:
        """Open the pull requests of a new round, of the first `count` changes if given."""
        self._rounds += 1
        return self.github.open_pulls(self.changes[:count], round_name=name, number=self._rounds)

    def reviewing(self) -> Reviewing:
        """Return a driver for the platform."""
        return Reviewing(self.github, self.platform.gateway_port, SECRET)

    def close(self) -> None:
        """Stop the platform if there is one."""
        if self._platform is not None:
            self._platform.stop()


@contextmanager
def setting(folder: Path, *, given: dict[str, str], quick: bool) -> Iterator[Setting]:
    """Prepare the work, run the doubles, and stop everything at the end.

    Raises:
        NotStarted: a double did not come up.
    """
    releases = work.unpack(folder)
    changes = work.choose(work.all_changes(releases))
    with doubles(folder, releases) as (github, model):
        made = Setting(
            folder=folder,
            releases=releases,
            changes=changes[:12] if quick else changes,
            github=github,
            model=model,
            given=given,
            quick=quick,
            say=lambda sentence: print(f"bench: {sentence}", file=sys.stderr, flush=True),
        )
        try:
            yield made
        finally:
            made.close()
