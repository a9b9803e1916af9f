"""Reviews as files in the home, and as git notes on request: what local repositories get, and pull requests without a write token."""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from codegen_platform.changes.keys import partition_key
from codegen_platform.errors import WrongUsage
from codegen_platform.publishing import inert
from codegen_platform.publishing.commands import without_guards
from codegen_platform.publishing.github_writer import PostedComment, PostedReview
from codegen_platform.publishing.post import ReviewPost

PATH_MAX = 500
_SHA = re.compile(r"[0-9a-f]{7,64}")
_MARKS = re.compile(r"\n*<!-- codegen-platform:[^>]{0,200}-->\s*$")


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalWriter:
    """Writes `<home>/reviews/<partition>/<head_sha>.md` and `.json`; writing the same again changes nothing."""

    home: Path

    def write(self, post: ReviewPost) -> tuple[PostedReview, tuple[PostedComment, ...]]:
        """Write the review and return where it stands, and its comments as if read back.

        Raises:
            WrongUsage: repository, number or commit cannot be a path.
            OSError: the home cannot be written to.
        """
        if not _SHA.fullmatch(post.commit_id):
            raise WrongUsage(f"{post.commit_id[:80]!r} is not a commit id")
        folder = self.home / "reviews" / partition_key(post.repository, post.number)
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{post.commit_id}.md"
        # Escape everything that is not ASCII, so that a printed file shows hidden characters in names.
        _replace(folder / f"{post.commit_id}.json", json.dumps(json.loads(post.to_bytes())).encode() + b"\n")
        _replace(file, as_markdown(post).encode("utf-8", "replace"))
        url = file.absolute().as_uri()
        comments = tuple(
            PostedComment(path=comment.path, url=f"{url}#{comment.fingerprint}", fingerprint=comment.fingerprint)
            for comment in post.comments
        )
        return PostedReview(remote_id=str(file.absolute()), url=url), comments

    def write_note(self, post: ReviewPost, location: Path) -> None:
        """Attach the review to its head commit as a git note under `refs/notes/codegen-platform`, replacing an older one.

        Raises:
            WrongUsage: there is no repository at `location`. GitFailed: git refused.
        """
        from codegen_platform.sandbox.git import notes_add, open_repository
        from codegen_platform.sandbox.git_writing import Signature

        author = Signature(name="codegen-platform", email="codegen-platform@localhost", at=int(time.time()))
        notes_add(open_repository(location), post.commit_id, as_markdown(post), author=author)


def as_markdown(post: ReviewPost) -> str:
    """Return the whole review as one Markdown text: the body, then every inline comment under its place."""
    parts = [post.body]
    for comment in post.comments:
        lines = f"{comment.start_line}-{comment.line}" if comment.start_line else str(comment.line)
        path = inert.code(comment.path, max_chars=PATH_MAX)
        parts.append(
            f'<a id="{comment.fingerprint}"></a>\n\n#### {path} line {lines}\n\n{_MARKS.sub("", comment.body)}'
        )
    return without_guards("\n\n".join(parts)) + "\n"


def _replace(file: Path, content: bytes) -> None:
    """Put `content` in place of `file` whole: a reader sees the old one or the new one."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
