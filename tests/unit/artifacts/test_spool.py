"""While a bucket is away its documents wait in a folder, and nothing newer is overwritten when it comes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen_platform.artifacts.spool import SpooledStorage
from codegen_platform.artifacts.storage import FolderStorage
from codegen_platform.errors import ArtifactsUnavailable

KEY = "assets/code_review/octo.shop.7/latest.json"


class Bucket(FolderStorage):
    """A folder that can be taken away."""

    is_away = False
    asked = 0

    def write(self, key: str, data: bytes, content_type: str = "application/json") -> None:
        self.asked += 1
        if self.is_away:
            raise ArtifactsUnavailable("nobody answers")
        super().write(key, data, content_type)


@pytest.fixture
def bucket(tmp_path: Path) -> Bucket:
    return Bucket(tmp_path / "bucket")


def spooled(bucket: Bucket, tmp_path: Path, *, rest_seconds: float = 0.0) -> SpooledStorage:
    return SpooledStorage(bucket, FolderStorage(tmp_path / "waiting"), rest_seconds=rest_seconds)


def test_what_cannot_be_stored_waits_can_be_read_and_says_why(bucket: Bucket, tmp_path: Path) -> None:
    storage = spooled(bucket, tmp_path)
    bucket.is_away = True
    storage.write(KEY, b"new")
    assert (storage.read(KEY), bucket.read(KEY), storage.away) == (b"new", None, "nobody answers")


def test_it_is_moved_over_once_the_bucket_answers(bucket: Bucket, tmp_path: Path) -> None:
    storage = spooled(bucket, tmp_path)
    bucket.is_away = True
    storage.write(KEY, b"new")
    assert storage.move_over() == 0
    bucket.is_away = False
    assert (storage.move_over(), storage.move_over()) == (1, 0)
    assert (bucket.read(KEY), storage.away) == (b"new", None)


def test_a_later_document_makes_the_waiting_one_outdated(bucket: Bucket, tmp_path: Path) -> None:
    storage = spooled(bucket, tmp_path)
    bucket.is_away = True
    storage.write(KEY, b"old")
    bucket.is_away = False
    storage.write(KEY, b"new")
    assert storage.move_over() == 0
    assert bucket.read(KEY) == b"new"


def test_a_bucket_that_is_away_is_asked_once_per_rest(bucket: Bucket, tmp_path: Path) -> None:
    storage = spooled(bucket, tmp_path, rest_seconds=60)
    bucket.is_away = True
    for number in range(5):
        storage.write(KEY, str(number).encode())
    assert bucket.asked == 1
