"""Where documents are stored as bytes under keys: a folder, or a bucket of anything that speaks S3."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote, urlsplit

from codegen_platform.errors import ArtifactsUnavailable, WrongUsage

if TYPE_CHECKING:
    from botocore.client import BaseClient

_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@+=-]{0,199}")


class Storage(Protocol):
    """Bytes under keys such as `assets/code_review/owner.repo.7/latest.json`; a write is seen whole or not at all."""

    def write(self, key: str, data: bytes, content_type: str = "application/json") -> None:
        """Store `data`, replacing what was there.

        Raises:
            ArtifactsUnavailable: nothing was stored, or it is not known to be; safe to repeat.
            WrongUsage: the key could leave the storage or is not portable.
        """

    def read(self, key: str) -> bytes | None:
        """Return what was stored, None if nothing is. Raises like `write`."""

    def exists(self, key: str) -> bool:
        """Return whether something is stored. Raises like `write`."""

    def delete(self, key: str) -> None:
        """Remove what is stored, if anything is. Raises like `write`."""

    def url_for(self, key: str) -> str:
        """Return the address a person would look at: `file:///...` or `s3://bucket/...`."""


def open_storage(url: str, *, s3_client: BaseClient | None = None) -> Storage:
    """Return the storage at `file:///folder` or `s3://bucket/prefix`; for S3 the boto3 client is handed in.

    Raises:
        WrongUsage: another kind of address, or no client for S3.
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        return FolderStorage(Path(unquote(parts.path)))
    if parts.scheme == "s3" and parts.netloc:
        if s3_client is None:
            raise WrongUsage(f"{url} needs an S3 client")
        from codegen_platform.artifacts.s3_storage import S3Storage

        return S3Storage(s3_client, bucket=parts.netloc, prefix=parts.path.strip("/"))
    raise WrongUsage(f"artifacts are stored at s3://bucket/prefix or file:///folder, not at {url!r}")


def checked_key(key: str) -> str:
    """Return the key if every segment of it is plain: letters, digits, `_ . @ + = -`, not beginning with a dot.

    Raises:
        WrongUsage: it could leave the storage (`..`, absolute, empty segment) or is not portable.
    """
    segments = key.split("/")
    if len(key) > 900 or not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise WrongUsage(f"{key[:200]!r} is not an artifact key: plain segments joined by single slashes")
    return key


class FolderStorage:
    """Documents as files below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, key: str, data: bytes, content_type: str = "application/json") -> None:
        """Write beside the target, force it to disk, then rename: readers and crashes never see half a file."""
        target = self._path(key)
        draft = target.with_name(f".{secrets.token_hex(8)}.tmp")
        with _file_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with open(draft, "xb", opener=_private) as stream:
                    stream.write(data)
                    stream.flush()
                    os.fsync(stream.fileno())
                draft.replace(target)
            except BaseException:
                with suppress(OSError):
                    draft.unlink(missing_ok=True)
                raise
            _sync_folder(target.parent)

    def read(self, key: str) -> bytes | None:
        """Return the file's bytes, None without one."""
        path = self._path(key)
        with _file_errors(path):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                return None

    def exists(self, key: str) -> bool:
        """Return whether the file is there."""
        path = self._path(key)
        with _file_errors(path):
            return path.is_file()

    def delete(self, key: str) -> None:
        """Remove the file; its folders stay."""
        path = self._path(key)
        with _file_errors(path):
            path.unlink(missing_ok=True)

    def list_keys(self) -> list[str]:
        """Return every key, sorted."""
        files = (path.relative_to(self._folder) for path in self._folder.rglob("*") if path.is_file())
        return sorted(path.as_posix() for path in files if not path.name.startswith("."))

    def url_for(self, key: str) -> str:
        """Return the `file://` address."""
        return self._path(key).absolute().as_uri()

    def _path(self, key: str) -> Path:
        return self._folder / checked_key(key)


@contextmanager
def _file_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ArtifactsUnavailable(f"the artifact folder refuses {path}: {error.strerror}") from error


def _private(path: str, flags: int) -> int:
    """Open a file with access for its owner only: documents hold private source."""
    return os.open(path, flags, 0o600)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
