"""The pull request that ships with the platform, made into a git repository on the spot."""

from __future__ import annotations

import base64
import hashlib
import shutil
from pathlib import Path

from codegen_platform.errors import CodegenError
from codegen_platform.sandbox import git
from codegen_platform.sandbox.git_writing import Signature
from codegen_platform.settings.schema import CHECKOUT

SOURCE = CHECKOUT / "examples" / "review"
BASE_BRANCH, HEAD_BRANCH = "main", "rotate-signing-keys"
TITLE = "Keep signing keys in files, rotate them, revoke sessions"
BODY = """Keys can now be kept in a folder, one file per key, and copied to the other hosts of a cluster.
Sessions of a user can be revoked."""

_MAINTAINER = Signature(name="Example Maintainer", email="maintainer@example.com", at=1_760_000_000)
_AUTHOR = Signature(name="Example Author", email="author@example.com", at=1_760_086_400)


class ExampleMissing(CodegenError):
    """The platform was installed without its examples."""

    code = "example_missing"


def materialize_example(folder: Path) -> tuple[Path, str, str]:
    """Make the example's repository at `folder`, replacing what was there; return the folder, base commit and head commit.

    Same input, same commit ids: authors and dates are fixed.

    Raises:
        ExampleMissing: `examples/review` is not there.
        GitFailed: git is missing or refused.
    """
    if not (SOURCE / "change.patch").is_file():
        raise ExampleMissing(f"{SOURCE} is missing: reinstall the platform, or review a repository of your own")
    if folder.exists():
        shutil.rmtree(folder)
    base_folder = SOURCE / "base"
    files = {
        path.relative_to(base_folder).as_posix(): path.read_bytes() for path in base_folder.rglob("*") if path.is_file()
    }
    repository = git.init(folder, branch=BASE_BRANCH)
    base = git.commit_files(
        repository, files, branch=BASE_BRANCH, message="Import two open-source packages\n", author=_MAINTAINER
    )
    head = git.commit_patch(
        repository, _filled_in((SOURCE / "change.patch").read_bytes()), parent=base, branch=HEAD_BRANCH,
        message=f"{TITLE}\n\n{BODY}\n", author=_AUTHOR,
    )  # fmt: skip
    git.checkout(repository, HEAD_BRANCH)
    return folder, base, head


def _filled_in(patch: bytes) -> bytes:
    """Put in what must not stand in our own repository: a key that scanners would report, and characters that hide."""
    key = (
        "AKIA"
        + base64.b32encode(hashlib.sha256(b"codegen-platform example, opens nothing").digest()).decode("ascii")[:16]
    )
    hidden = {"RLO": "\u202e", "LRI": "\u2066", "PDI": "\u2069", "ACCESS_KEY_ID": key}
    for name, text in hidden.items():
        patch = patch.replace(f"@@{name}@@".encode(), text.encode())
    return patch
