"""The rounds: ask for tasks, kill something in the middle, see that the platform comes back; in the end, judge."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.asking import Asking
from tests.chaos.changes_to_review import Changes
from tests.chaos.platform_under_fire import PlatformUnderFire
from tests.chaos.poison import Poisoned, poison
from tests.chaos.requests_of_a_round import Requests
from tests.chaos.small_disk import reason_against, small_disk
from tests.chaos.strikes import FULL_DISK, STRIKES, deck
from tests.chaos.verdict import judge, open_tasks
from tests.doubles.github import GitHubDouble

LATEST_SECONDS = 3.0
LEFT_OPEN = 6
"""A round begins when no more tasks than these are open: so that it strikes work, and not a backlog."""
END_SECONDS = 180.0
ANSWERED_SECONDS = 240.0


@dataclass(kw_only=True)
class Summary:
    """What came of it.

    Attributes:
        struck: what was killed -> how often.
        ends: how tasks ended -> how many.
        slowest_return_seconds: from a kill until every part ran again and the gateway was ready.
        slowest_end_seconds: from a return until no more than the last few tasks of the round were open; after the last round, none.
        wrong: a sentence for everything that does not hold; empty is what is wanted.
    """

    seed: int
    rounds: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    created: int = 0
    asked_again: int = 0
    starts: int = 0
    slowest_return_seconds: float = 0.0
    slowest_end_seconds: float = 0.0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)
    poisoned: Poisoned | None = None

    def lines(self) -> Iterator[str]:
        """Yield it as a person reads it."""
        yield f"seed {self.seed}: {self.rounds} rounds in {self.seconds:.0f} s, `up` was started {self.starts} times"
        yield f"struck: {', '.join(f'{name} {count}' for name, count in sorted(self.struck.items()))}"
        yield f"tasks: {self.created} acknowledged, {self.asked_again} requests had to be sent again"
        yield f"ended: {', '.join(f'{how} {count}' for how, count in self.ends.most_common())}"
        yield f"slowest return {self.slowest_return_seconds:.1f} s, slowest end of its tasks {self.slowest_end_seconds:.1f} s later"
        if self.poisoned is not None:
            yield self.poisoned.line()
        yield f"wrong: {len(self.wrong) or 'nothing'}"
        yield from (f"  {sentence}" for sentence in self.wrong)


def strike_for(
    rounds: int,
    *,
    seed: int,
    folder: Path,
    names: Sequence[str] = (*STRIKES,),
    poisons: int = 0,
    say: Callable[[str], None] = print,
) -> Summary:
    """Run so many rounds, then so many poison pull requests, and return what came of them.

    Args:
        folder: gets the platform's home and the logs.

    Raises:
        NotSettled: the platform did not come back after a kill. Unanswered: a request was not answered in time.
    """
    chance, summary, began = random.Random(seed), Summary(seed=seed), time.monotonic()
    with _scene(folder, seed, on_small_disk=FULL_DISK in names and not reason_against()) as (platform, requests):
        victims = deck(names, chance)
        for number in range(1, rounds + 1):
            _round(number, rounds, next(victims), platform, requests, chance, summary, say)
        _wait_for_ends(platform, requests, summary, at_most=0)
        summary.wrong, summary.ends = judge(platform, requests)
        if poisons:
            summary.poisoned = poison(platform, requests, seed=seed, poisons=poisons, say=say)
            summary.wrong += summary.poisoned.wrong
        summary.created, summary.asked_again = len(requests.accepted), requests.asking.again
        summary.starts, summary.seconds = platform.starts, time.monotonic() - began
    return summary


@contextmanager
def _scene(folder: Path, seed: int, *, on_small_disk: bool) -> Iterator[tuple[PlatformUnderFire, Requests]]:
    with ExitStack() as stack:
        disk = stack.enter_context(small_disk(folder / "home")) if on_small_disk else None
        github = stack.enter_context(GitHubDouble())
        peers = {"GITHUB_API_URL": github.url, "GITHUB_TOKEN": "ghp_" + "c" * 36}
        with PlatformUnderFire(home=folder / "home", peers=peers, disk=disk) as platform:
            changes = Changes(github=github, chance=random.Random(f"{seed} changes"))
            changes.register(folder / "repository", platform.database_url())
            asking = Asking(gateway=platform.gateway)
            try:
                yield platform, Requests(asking=asking, changes=changes, chance=random.Random(f"{seed} requests"))
            finally:
                asking.close()


def _round(
    number: int,
    rounds: int,
    name: str,
    platform: PlatformUnderFire,
    requests: Requests,
    chance: random.Random,
    summary: Summary,
    say: Callable[[str], None],
) -> None:
    sending = requests.send(number)
    after_seconds = chance.uniform(0.0, LATEST_SECONDS)
    time.sleep(after_seconds)
    struck = STRIKES[name](platform, chance)
    returned = platform.settle()
    deadline = time.monotonic() + ANSWERED_SECONDS
    while sending.is_alive() and time.monotonic() < deadline:
        platform.keep()
        sending.join(0.2)
    ended = _wait_for_ends(platform, requests, summary, at_most=LEFT_OPEN)
    summary.rounds += 1
    summary.struck[name] += bool(struck)
    summary.slowest_return_seconds = max(summary.slowest_return_seconds, returned)
    created, still_open = len(requests.accepted), len(open_tasks(requests))
    say(
        f"round {number:3}/{rounds}  {struck or f'{name} was not there'}, {after_seconds:.2f} s after the first request: back in"
        f" {returned:.1f} s, next round {ended:.1f} s later; tasks: {created} created, {still_open} open, {created - still_open} ended"
    )


def _wait_for_ends(platform: PlatformUnderFire, requests: Requests, summary: Summary, *, at_most: int) -> float:
    """Return how long it took until at most so many tasks were open; it goes on without that after three minutes."""
    began = time.monotonic()
    while len(open_tasks(requests)) > at_most and time.monotonic() - began < END_SECONDS:
        platform.keep()
        time.sleep(0.3)
    waited = time.monotonic() - began
    summary.slowest_end_seconds = max(summary.slowest_end_seconds, waited)
    return waited
