"""Small changes without end: pull requests on a GitHub of the tests, and pairs of branches of a local repository."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field
from pathlib import Path

from codegen_platform.changes.keys import local_full_name
from codegen_platform.cli.registering import register_local
from codegen_platform.cli.targets import local_target
from codegen_platform.sandbox import git
from codegen_platform.sandbox.git_writing import Signature
from codegen_platform.store import Store
from tests.doubles.github import GitHubDouble

OWNER = "octo"
REPOSITORIES = ("shop", "depot", "office")
BRANCHES = 6
BASE = "def pick(items, wanted):\n    return [item for item in items if item == wanted]\n"
HEAD = "def pick(items, wanted, seen=[]):\n    seen.append(wanted)\n    return [item for item in items if item == wanted]\n"
AUTHOR = Signature(name="A Contributor", email="contributor@example.org", at=1_770_000_000)


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What a task is about."""

    repository: str
    number: int

    @property
    def is_on_github(self) -> bool:
        """Whether it can be counted there how often it was reviewed."""
        return self.repository.startswith(f"{OWNER}/")


@dataclass(kw_only=True)
class Changes:
    """Hands out changes: each pull request once, so that its reviews can be counted; the few local ones again and again."""

    github: GitHubDouble
    chance: random.Random
    local: list[Change] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def register(self, folder: Path, database_url: str) -> None:
        """Make the local repository with its branches, and tell the ledger of them."""
        folder.mkdir(parents=True)
        repository = git.init(folder, branch="main")
        base = git.commit_files(repository, {"pick.py": BASE.encode()}, branch="main", message="Pick\n", author=AUTHOR)
        with Store.open(database_url) as store:
            for number in range(1, BRANCHES + 1):
                branch = f"change-{number}"
                files = {"pick.py": HEAD.replace("seen", f"seen_{number}").encode()}
                git.commit_files(
                    repository, files, branch=branch, message=f"Change {number}\n", author=AUTHOR, parent=base
                )
                facts = register_local(store, local_target(folder, base="main", head=branch))
                self.local.append(Change(repository=local_full_name(folder), number=facts.number))

    def another(self) -> Change:
        """Return a change: two of three are on GitHub."""
        if self.local and self.chance.random() < 1 / 3:
            return self.chance.choice(self.local)
        number = next(self._numbers)
        repository = REPOSITORIES[number % len(REPOSITORIES)]
        self.github.seed_pull_request(
            OWNER, repository, number, base_files={"pick.py": BASE}, head_files={"pick.py": HEAD}
        )
        return Change(repository=f"{OWNER}/{repository}", number=number)

    def posted(self, change: Change) -> int:
        """Return how many reviews GitHub shows on a pull request."""
        owner, _, name = change.repository.partition("/")
        return len(self.github.reviews(owner, name, change.number))
