"""The texts of many files at one commit: a few GraphQL queries, or one REST call a file where GraphQL is not to be had."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import structlog

from codegen_platform.artifacts import SkipReason
from codegen_platform.changes.keys import split_repository
from codegen_platform.errors import ForgeRefused, ForgeUnavailable
from codegen_platform.forge.answers import ContentAnswer
from codegen_platform.forge.client import GitHubClient
from codegen_platform.forge.contents import MAX_FILE_BYTES, Content, decode, readable

log = structlog.get_logger()

FILES_A_QUERY = 50
_SYMLINK, _SUBMODULE = 0o120000, 0o160000
_SPECIAL_TYPES = {"symlink": SkipReason.SYMLINK, "submodule": SkipReason.SUBMODULE}
_ABSENT = Content(reason=SkipReason.UNAVAILABLE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A file to read at a commit.

    Attributes:
        with_text: False asks only for its id and whether it is binary; where that cannot be had, `guess` is the answer.
        max_bytes: a larger file is `too_large`.
        is_vital: a refusal other than "not found" is an error, not a file less.
    """

    commit: str
    path: str
    with_text: bool = True
    guess: Content = _ABSENT
    is_vital: bool = False
    max_bytes: int = MAX_FILE_BYTES


class FileReader:
    """Reads files of one GitHub; remembers for its lifetime that GraphQL is not there."""

    def __init__(self, client: GitHubClient, threads: Executor) -> None:
        self._client = client
        self._threads = threads
        self._graphql_is_there = True

    def read(self, repository: str, wanted: Sequence[Wanted]) -> dict[Wanted, Content]:
        """Return the content of each wanted file, in parallel; `unavailable` if it is not there or cannot be read.

        Raises:
            ForgeUnavailable: GitHub does not answer, or asks us to wait. ForgeRefused: it does not answer us.
        """
        found: dict[Wanted, Content] = {}
        if self._graphql_is_there and wanted and self._client.may_use_graphql(repository):
            batches = [wanted[at : at + FILES_A_QUERY] for at in range(0, len(wanted), FILES_A_QUERY)]
            for answered in self._threads.map(lambda batch: self._ask(repository, batch), batches):
                found |= answered
        rest = [file for file in wanted if file not in found]
        read = self._threads.map(lambda file: self._read_alone(repository, file), rest)
        return found | dict(zip(rest, read, strict=True))

    def _ask(self, repository: str, batch: Sequence[Wanted]) -> dict[Wanted, Content]:
        """Return what one GraphQL query tells of these files; those it does not tell are left out."""
        query, variables = _query(repository, batch)
        try:
            data, complete = self._client.graphql(repository, query, variables)
        except ForgeRefused as error:
            self._graphql_is_there = False
            log.info("forge.graphql_is_not_there", status=error.status)
            return {}
        except ForgeUnavailable as error:
            if error.retry_after_seconds is not None:
                raise
            log.info("forge.graphql_failed", files=len(batch), error=str(error))
            return {}
        commits = data.get("repository") or {}
        found: dict[Wanted, Content] = {}
        for index, file in enumerate(batch):
            entry = (commits.get(_alias(batch, file.commit)) or {}).get(f"f{index}")
            content = self._content(repository, entry, file) if entry else _ABSENT
            if entry or complete:
                found[file] = content
        return found

    def _content(self, repository: str, entry: Mapping[str, Any], file: Wanted) -> Content:
        """Return what a tree entry of GraphQL says."""
        oid, blob = entry.get("oid"), entry.get("object") or {}
        special = {_SYMLINK: SkipReason.SYMLINK, _SUBMODULE: SkipReason.SUBMODULE}.get(entry.get("mode", 0))
        size = blob.get("byteSize")
        if special or size is None:
            return Content(reason=special or SkipReason.UNAVAILABLE, oid=oid)
        if blob.get("isBinary"):
            return Content(reason=SkipReason.BINARY, oid=oid)
        if not file.with_text:
            return Content(reason=SkipReason.NO_TEXT_CHANGE, oid=oid)
        if size > file.max_bytes:
            return Content(reason=SkipReason.TOO_LARGE, oid=oid)
        text = blob.get("text")
        if blob.get("isTruncated") or not isinstance(text, str):
            return self._read_blob(repository, str(oid))
        return readable(text, oid=oid)

    def _read_blob(self, repository: str, oid: str) -> Content:
        """Return a blob that GraphQL cut."""
        try:
            answer = self._client.get(ContentAnswer, repository, f"/git/blobs/{quote(oid, safe='')}")
        except ForgeRefused:
            return Content(reason=SkipReason.UNAVAILABLE, oid=oid)
        return _decoded(answer, oid)

    def _read_alone(self, repository: str, file: Wanted) -> Content:
        """Return a file by `contents/`."""
        if not _is_plain(file.path):
            return file.guess
        try:
            answer = self._client.get(ContentAnswer, repository, f"/contents/{quote(file.path)}", {"ref": file.commit})
        except ForgeRefused as error:
            if error.status == 401 or (file.is_vital and error.status != 404):
                raise
            return file.guess
        if answer.type != "file":
            return Content(reason=_SPECIAL_TYPES.get(answer.type, SkipReason.UNAVAILABLE), oid=answer.sha)
        if not file.with_text:
            is_binary = _decoded(answer, answer.sha).reason is SkipReason.BINARY
            return Content(reason=SkipReason.BINARY if is_binary else SkipReason.NO_TEXT_CHANGE, oid=answer.sha)
        if answer.size > file.max_bytes:
            return Content(reason=SkipReason.TOO_LARGE, oid=answer.sha)
        if answer.encoding != "base64" and answer.size:
            return self._read_blob(repository, answer.sha)
        return _decoded(answer, answer.sha)


def _query(repository: str, batch: Sequence[Wanted]) -> tuple[str, dict[str, str]]:
    """Return a query for all files, and its variables: names from a pull request never become part of the query's text."""
    owner, name = split_repository(repository)
    variables = {"owner": owner, "name": name}
    declared = ["$owner: String!", "$name: String!"]
    selected: dict[str, list[str]] = {}
    for index, file in enumerate(batch):
        alias = _alias(batch, file.commit)
        if alias not in selected:
            variables[alias] = file.commit
            declared.append(f"${alias}: GitObjectID!")
        variables[f"p{index}"] = file.path
        declared.append(f"$p{index}: String!")
        text = " isTruncated text" if file.with_text else ""
        blob = f"... on Blob {{ byteSize isBinary{text} }}"
        selected.setdefault(alias, []).append(f"f{index}: file(path: $p{index}) {{ oid mode object {{ {blob} }} }}")
    objects = " ".join(
        f"{alias}: object(oid: ${alias}) {{ ... on Commit {{ {' '.join(files)} }} }}"
        for alias, files in selected.items()
    )
    return f"query({', '.join(declared)}) {{ repository(owner: $owner, name: $name) {{ {objects} }} }}", variables


def _alias(batch: Sequence[Wanted], commit: str) -> str:
    """Return the name of a commit within a query: the place where it is first wanted."""
    return f"c{next(index for index, file in enumerate(batch) if file.commit == commit)}"


def _decoded(answer: ContentAnswer, oid: str) -> Content:
    if answer.encoding != "base64":
        return Content(reason=SkipReason.TOO_LARGE if answer.size else SkipReason.UNAVAILABLE, oid=oid)
    try:
        data = base64.b64decode(answer.content)
    except (binascii.Error, ValueError):
        return Content(reason=SkipReason.UNAVAILABLE, oid=oid)
    return decode(data, oid=oid)


def _is_plain(path: str) -> bool:
    """Return whether an address made of the path stays below the one it is put behind."""
    return all(part not in ("", ".", "..") for part in path.split("/"))
