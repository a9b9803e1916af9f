"""One effect's way into the home: for local repositories, and for GitHub pull requests while there is no token that may write."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import structlog

from codegen_platform.errors import CodegenError
from codegen_platform.publishing import results
from codegen_platform.publishing.decisions import Decision, Done, Later, Superseded
from codegen_platform.publishing.local_writer import LocalWriter
from codegen_platform.publishing.post import ReviewPost
from codegen_platform.store import Store
from codegen_platform.store.rows import EffectRow, RepositoryRow

log = structlog.get_logger()
KEPT_HERE = (
    "kept in the home and not posted: there is no GitHub token that may write (set GITHUB_TOKEN, or configure the App)"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalPublication:
    """Writes reviews as files. Writing twice is the same as writing once, so nothing has to be looked for."""

    store: Store
    writer: LocalWriter

    def publish(self, effect: EffectRow, post: ReviewPost) -> Decision:
        """Write the review unless a newer head was registered for the local pull request."""
        repository = self.store.repositories.get(effect.repository)
        if repository is not None and repository.forge == "local":
            registered = self.store.repositories.local_pull_request(repository.id, effect.number)
            if registered is not None and registered.head_sha != effect.head_sha:
                moved = f"{registered.head_ref} is at {registered.head_sha[:10]} now"
                return Superseded(result=results.superseded(post, effect.id, moved))
        try:
            review, comments = self.writer.write(post)
        except OSError as error:
            return Later(delay_seconds=None, error=f"the review could not be written: {error}", sent_unknown=False)
        reason = self._note(post, repository) if effect.forge == "local" else KEPT_HERE
        result = results.posted(post, effect.id, url=review.url, read_back=comments, reason=reason)
        return Done(result=result, remote_id=review.remote_id)

    def answer(self, effect: EffectRow, text: str) -> Decision:
        """Post nothing: the ledger records the refusal, and without a write token no answer is possible."""
        return Superseded(result=None)

    def closed_owners(self) -> dict[str, float]:
        """Return no owners: files are written at once."""
        return {}

    def begin(self, effect: EffectRow) -> None:
        """Do nothing."""

    def end(self, effect: EffectRow) -> None:
        """Do nothing."""

    def _note(self, post: ReviewPost, repository: RepositoryRow | None) -> str | None:
        """Write the git note if it is wanted; return why it could not be written, if so. The review stands in the home either way."""
        if repository is None or repository.location is None:
            return None
        if not (post.note or repository.settings.get("notes") is True):
            return None
        try:
            self.writer.write_note(post, Path(repository.location))
        except (CodegenError, OSError) as error:
            log.warning("note.failed", task_id=post.task_id, error=str(error))
            return f"the git note could not be written: {error}"
        return None
