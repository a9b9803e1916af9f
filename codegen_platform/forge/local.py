"""A local git repository as a forge: a pull request is two commits and the words that came with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from codegen_platform.artifacts import PullRequestSnapshot
from codegen_platform.changes.configuration import CONFIGURATION_PATH
from codegen_platform.errors import Superseded, WrongUsage
from codegen_platform.forge.contents import changed_file
from codegen_platform.forge.interface import Head
from codegen_platform.forge.local_reading import read_files
from codegen_platform.sandbox import git


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalPull:
    """A registered local pull request.

    Attributes:
        repository: full name, `_local/<slug>-<hash>`.
        base_sha, head_sha: full commit ids, resolved when it was registered; base_ref, head_ref: what the person typed. The base may be the
            empty tree, for a first commit.
    """

    repository: str
    number: int
    base_sha: str
    head_sha: str
    base_ref: str
    head_ref: str
    title: str
    description: str = ""
    author: str = ""


class LocalForge:
    """Reads one registered pull request of a repository on this machine."""

    def __init__(self, path: Path, pull_request: LocalPull) -> None:
        self._path = path
        self._pull = pull_request

    @property
    def name(self) -> str:
        """Return `local`."""
        return "local"

    def head(self, repository: str, number: int) -> Head:
        """Return what was registered: a branch that moves on meanwhile is another review's matter.

        Raises:
            WrongUsage: another pull request than the registered one is asked for.
        """
        pull = self._asked(repository, number)
        return Head(
            number=number,
            head_sha=pull.head_sha,
            base_sha=pull.base_sha,
            base_ref=pull.base_ref,
            state="open",
            draft=False,
            author_id=0,
            author=pull.author,
        )

    def may_write(self, repository: str, login: str) -> bool:
        """Return True: whoever may ask on this machine may write on it."""
        return True

    def snapshot(self, repository: str, number: int, *, head_sha: str | None = None) -> PullRequestSnapshot:
        """Return what the head has that the base has not: the diff from their merge base.

        Raises:
            WrongUsage: the folder is no repository any more, or base and head have no common history.
            Superseded: another head was registered.
        """
        pull = self._asked(repository, number)
        if head_sha is not None and head_sha != pull.head_sha:
            raise Superseded(f"{repository}#{number} is at {pull.head_sha}, not {head_sha}")
        opened = git.open_repository(self._path)
        base = _start(opened, pull)
        changes = git.diff(opened, base, pull.head_sha)
        configuration = f"{pull.base_sha}:{CONFIGURATION_PATH}"
        files, configured = read_files(opened, changes, configuration)
        return PullRequestSnapshot(
            forge=self.name,
            repository=repository,
            number=number,
            title=pull.title,
            description=pull.description,
            author=pull.author,
            base_ref=pull.base_ref,
            head_ref=pull.head_ref,
            base_sha=base,
            head_sha=pull.head_sha,
            url=self._path.absolute().as_uri(),
            files=tuple(changed_file(entry, content) for entry, content in files),
            files_total=len(changes.changes),
            instructions=configured,
        )

    def _asked(self, repository: str, number: int) -> LocalPull:
        if (repository, number) != (self._pull.repository, self._pull.number):
            raise WrongUsage(f"{repository}#{number} is not the registered local pull request")
        return self._pull


def _start(opened: git.GitRepository, pull: LocalPull) -> str:
    """Return the commit (or empty tree) that the diff starts from."""
    if pull.base_sha == git.empty_tree(pull.head_sha):
        return pull.base_sha
    found = git.merge_base(opened, pull.base_sha, pull.head_sha)
    if found is None:
        raise WrongUsage(
            f"{pull.base_ref} and {pull.head_ref} have no common history; in a shallow clone, run `git fetch --unshallow` first"
        )
    return found
