"""How documents lie in the storage: the snapshot once and compressed, the others readable as they are."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from assets.documents import read_latest, store_document
from codegen_platform.artifacts import PullRequestSnapshot
from codegen_platform.artifacts.storage import FolderStorage
from tests.unit.agents.samples import changed, sample, snapshot, static

PARTITION = "octo.store.7"
LINES = "".join(f"value_{number} = compute({number})\n" for number in range(5_000))


def test_a_snapshot_is_stored_once_and_compressed(tmp_path: Path) -> None:
    change = snapshot(changed("big.py", None, LINES))
    address = store_document(FolderStorage(tmp_path), change, is_latest=True)
    files = sorted(file for file in tmp_path.rglob("*") if file.is_file())
    assert [file.name for file in files] == [f"{change.head_sha}.json.gz", "latest.json"]
    assert address == files[0].as_uri()
    assert sum(file.stat().st_size for file in files) < len(change.to_bytes()) / 5
    assert PullRequestSnapshot.from_bytes(gzip.decompress(files[0].read_bytes())) == change


def test_the_latest_snapshot_is_read_back_whether_stored_now_or_by_an_earlier_version(tmp_path: Path) -> None:
    storage, change = FolderStorage(tmp_path), sample()
    assert read_latest(storage, "pull_request_snapshot", PARTITION) is None
    storage.write(f"assets/pull_request_snapshot/{PARTITION}/latest.json", change.to_bytes())
    assert read_latest(storage, "pull_request_snapshot", PARTITION) == change.to_bytes()
    newer = change.model_copy(update={"head_sha": "a" * 40})
    store_document(storage, newer, is_latest=True)
    assert read_latest(storage, "pull_request_snapshot", PARTITION) == newer.to_bytes()


def test_an_older_head_leaves_latest_alone(tmp_path: Path) -> None:
    storage, newer = FolderStorage(tmp_path), sample()
    store_document(storage, newer, is_latest=True)
    store_document(storage, newer.model_copy(update={"head_sha": "a" * 40}), is_latest=False)
    assert read_latest(storage, "pull_request_snapshot", PARTITION) == newer.to_bytes()


def test_documents_read_by_people_stay_plain_json(tmp_path: Path) -> None:
    found = static()
    store_document(FolderStorage(tmp_path), found, is_latest=True)
    for name in (found.head_sha, "latest"):
        stored = tmp_path / "assets" / "static_findings" / PARTITION / f"{name}.json"
        assert json.loads(stored.read_text())["schema"] == "static_findings/v1"
