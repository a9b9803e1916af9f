"""A change as it may leave for a model: without the secrets that it holds."""

from __future__ import annotations

from collections.abc import Iterator

from codegen_platform.analysis.analysers.secrets import Secrets
from codegen_platform.analysis.masking import Masker, masker_for
from codegen_platform.analysis.sources import SourceFile
from codegen_platform.artifacts import ChangedFile, PullRequestSnapshot
from codegen_platform.changes.diffs import UnreadableDiff, parse_hunks


def without_secrets(snapshot: PullRequestSnapshot) -> PullRequestSnapshot:
    """Return the snapshot with dots for the secrets in whole files, and in lines that the change removes; itself if there are none.

    Masked line for line, so that all numbers of lines stay. A file with more secrets than can be masked has no text.
    """
    secrets: dict[str, set[str]] = {}
    words = _words(snapshot)
    for claim in Secrets().run([words, *(source for file in snapshot.files for source in _sources(file))]).claims:
        secrets.setdefault(claim.path, set()).update(claim.secrets)
    if not secrets:
        return snapshot
    masker, unshown = masker_for(secrets)
    files = tuple(_file(file, masker, is_shown=file.path not in unshown) for file in snapshot.files)
    texts = {"title": masker.mask(snapshot.title), "description": _masked(snapshot.description, masker)}
    return snapshot.model_copy(update={**texts, "files": files})


def _words(snapshot: PullRequestSnapshot) -> SourceFile:
    """Return title and description as a file: people paste what does not work."""
    lines = dict(enumerate(f"{snapshot.title}\n{snapshot.description}".split("\n"), start=1))
    return SourceFile(path="", language="text", text=None, lines=lines, spans=(), touched=tuple(lines))


def _file(file: ChangedFile, masker: Masker, *, is_shown: bool) -> ChangedFile:
    texts = {
        name: _masked(text, masker) if is_shown and text is not None else None
        for name, text in (("patch", file.patch), ("head_text", file.head_text))
    }
    return file.model_copy(update=texts)


def _sources(file: ChangedFile) -> Iterator[SourceFile]:
    """Yield the file as it is after the change, and its lines before it as far as hunks show them."""
    try:
        hunks = parse_hunks(file.patch or "")
    except UnreadableDiff:
        hunks = ()
    shown = [line for hunk in hunks for line in hunk.lines]
    if file.head_text is not None:
        yield _source(file, dict(enumerate(file.head_text.split("\n"), start=1)))
    else:
        yield _source(file, {line.new: line.text for line in shown if line.new is not None})
    yield _source(file, {line.old: line.text for line in shown if line.old is not None})


def _source(file: ChangedFile, lines: dict[int, str]) -> SourceFile:
    return SourceFile(
        path=file.path, language=file.language, text=None, lines=lines, spans=(), touched=tuple(sorted(lines))
    )


def _masked(text: str, masker: Masker) -> str:
    return "\n".join(map(masker.mask, text.split("\n"))) if masker.stands_in(text) else text
