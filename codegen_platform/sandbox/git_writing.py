"""Making commits and notes without touching a working tree: repositories that we own (the example), and notes on request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from codegen_platform.errors import WrongUsage
from codegen_platform.sandbox.git_process import GitCall, run
from codegen_platform.sandbox.git_repository import GitRepository, open_repository
from codegen_platform.sandbox.scratch import scratch_folder


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """Who made a commit and when; `at` is seconds since 1970, written as UTC, so that the same input has the same commit id."""

    name: str
    email: str
    at: int


def init(path: Path, *, branch: str = "main") -> GitRepository:
    """Create an empty repository with a working tree at `path` (which may exist, empty) and return it; no template, no hooks."""
    path.mkdir(parents=True, exist_ok=True)
    options = ["init", "--quiet", "--template=", f"--initial-branch={_branch(branch)}"]
    run(GitCall(git_dir=path.absolute() / ".git", work_tree=path.absolute(), arguments=options))
    return open_repository(path)


def commit_files(
    repository: GitRepository,
    files: Mapping[str, bytes],
    *,
    branch: str,
    message: str,
    author: Signature,
    parent: str | None = None,
) -> str:
    """Commit a tree of exactly these files (path -> bytes) to `branch` and return its id. The working tree stays as it is.

    Raises:
        WrongUsage: a path leaves the repository, or names something inside `.git`.
    """
    stream = [f"commit {_ref(branch)}\nmark :1\n".encode()]
    person = f"{_plain(author.name)} <{_plain(author.email)}> {author.at} +0000"
    stream.append(f"author {person}\ncommitter {person}\n".encode())
    stream.append(_data(message.encode()))
    if parent is not None:
        stream.append(f"from {parent}\n".encode())
    stream.append(b"deleteall\n")
    for path, content in sorted(files.items()):
        stream.append(b"M 100644 inline " + _quoted(path) + b"\n" + _data(content))
    stream.append(b"get-mark :1\n")
    arguments = ["fast-import", "--quiet", "--force", "--date-format=raw", "--cat-blob-fd=1"]
    call = GitCall(git_dir=repository.git_dir, arguments=arguments, stdin=b"".join(stream))
    return run(call).data.decode("ascii").strip()


def commit_patch(
    repository: GitRepository, patch: bytes, *, parent: str, branch: str, message: str, author: Signature
) -> str:
    """Commit to `branch` what `patch` (`git diff` output) makes of the tree of `parent`; return the commit's id.

    Raises:
        GitFailed: the patch does not apply.
    """
    with scratch_folder("index") as folder:
        index = {"GIT_INDEX_FILE": f"{folder}/index"}

        def ask(*arguments: str, stdin: bytes = b"", variables: Mapping[str, str] = index) -> str:
            call = GitCall(git_dir=repository.git_dir, arguments=arguments, stdin=stdin, variables=variables)
            return run(call).data.decode("ascii").strip()

        ask("read-tree", parent)
        ask("apply", "--cached", "--whitespace=nowarn", "-", stdin=patch)
        tree = ask("write-tree")
        commit = ask("commit-tree", "-p", parent, tree, stdin=message.encode(), variables=_identity(author))
        ask("update-ref", _ref(branch), commit)
    return commit


def checkout(repository: GitRepository, branch: str) -> None:
    """Fill the working tree of a repository of our own with `branch`, replacing what is there, and make it the current one."""
    if repository.work_tree is None:
        raise WrongUsage("a bare repository has no working tree")
    index = {"GIT_INDEX_FILE": str(repository.git_dir / "index")}
    for arguments in (("read-tree", "--reset", "-u", _ref(branch)), ("symbolic-ref", "HEAD", _ref(branch))):
        _run_in_tree(repository, arguments, index)


def notes_add(
    repository: GitRepository, commit: str, text: str, *, author: Signature, ref: str = "refs/notes/codegen-platform"
) -> None:
    """Attach `text` to a commit as a git note under `ref`, replacing an older one; the commit itself does not change."""
    with scratch_folder("note") as folder:
        note = Path(folder) / "note"
        note.write_text(text, encoding="utf-8", errors="replace")
        arguments = ["notes", f"--ref={ref}", "add", "--force", f"--file={note}", commit]
        run(GitCall(git_dir=repository.git_dir, arguments=arguments, variables=_identity(author)))


def _run_in_tree(repository: GitRepository, arguments: Sequence[str], variables: Mapping[str, str]) -> None:
    tree = repository.work_tree
    run(GitCall(git_dir=repository.git_dir, work_tree=tree, arguments=arguments, variables=variables))


def _identity(author: Signature) -> dict[str, str]:
    return {
        f"GIT_{role}_{key}": value
        for role in ("AUTHOR", "COMMITTER")
        for key, value in (("NAME", author.name), ("EMAIL", author.email), ("DATE", f"{author.at} +0000"))
    }


def _branch(name: str) -> str:
    if not name or name.startswith("-") or not all(c.isalnum() or c in "-_./" for c in name) or ".." in name:
        raise WrongUsage(f"{name[:80]!r} is not a name for a branch here")
    return name


def _ref(branch: str) -> str:
    return f"refs/heads/{_branch(branch)}"


def _plain(text: str) -> str:
    return "".join(c for c in text if c.isprintable() and c not in "<>")


def _data(content: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(content), content)


def _quoted(path: str) -> bytes:
    parts = path.split("/")
    if any(part in ("", ".", "..") or part.lower() == ".git" for part in parts):
        raise WrongUsage(f"{path[:80]!r} cannot be a file of a repository")
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'.encode("utf-8", "surrogateescape")
