"""What every artifact storage promises, held against both: a folder, and S3 over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

from codegen_platform.artifacts.storage import FolderStorage, Storage, open_storage
from codegen_platform.errors import ArtifactsUnavailable, WrongUsage

KEY = "assets/code_review/_local.some-name-0a1b2c3d.7/latest.json"


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def s3_client(endpoint: str) -> object:
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(connect_timeout=10, read_timeout=30, retries={"max_attempts": 0}),
    )


@pytest.fixture(params=["folder", "s3", "s3 at the root"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return open_storage((tmp_path / "a folder with späces").as_uri())
    client = s3_client(request.getfixturevalue("s3_endpoint"))
    bucket = f"bucket-{abs(hash(request.node.nodeid)) % 10**10}"
    client.create_bucket(Bucket=bucket)  # type: ignore[attr-defined]
    prefix = "/some/prefix" if request.param == "s3" else ""
    return open_storage(f"s3://{bucket}{prefix}", s3_client=client)  # type: ignore[arg-type]


def test_what_was_written_is_read_back_byte_for_byte(storage: Storage) -> None:
    data = bytes(range(256)) * 1000

    storage.write(KEY, data)

    assert storage.read(KEY) == data
    assert storage.exists(KEY)


def test_nothing_is_there_before_it_was_written(storage: Storage) -> None:
    assert storage.read(KEY) is None
    assert not storage.exists(KEY)


def test_a_second_write_replaces_the_first(storage: Storage) -> None:
    storage.write(KEY, b"first, and longer")
    storage.write(KEY, b"second", content_type="text/plain")

    assert storage.read(KEY) == b"second"


def test_what_was_deleted_is_gone_and_deleting_twice_does_no_harm(storage: Storage) -> None:
    storage.write(KEY, b"x")
    storage.delete(KEY)
    storage.delete(KEY)

    assert storage.read(KEY) is None


def test_keys_that_share_a_beginning_are_apart(storage: Storage) -> None:
    storage.write("assets/a/1", b"1")
    storage.write("assets/a/10", b"10")

    assert (storage.read("assets/a/1"), storage.read("assets/a/10")) == (b"1", b"10")


def test_the_address_names_the_key(storage: Storage) -> None:
    assert storage.url_for(KEY).endswith(KEY)
    assert storage.url_for(KEY).split(":")[0] in ("file", "s3")


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/etc/passwd",
        "../up",
        "a/../../up",
        "a//b",
        "a/",
        "a/.hidden",
        ".",
        "a\x00b",
        "a\nb",
        "a b",
        "ü",
        "a\\b",
        "C:x",
        "x" * 901,
    ],
)
def test_a_key_that_could_leave_or_is_not_portable_is_refused(storage: Storage, key: str) -> None:
    for attempt in (storage.read, storage.exists, storage.delete, storage.url_for, lambda k: storage.write(k, b"")):
        with pytest.raises(WrongUsage):
            attempt(key)


def test_readers_never_see_half_a_document_while_it_is_replaced(storage: Storage) -> None:
    one, two = b"1" * 300_000, b"2" * 300_000
    storage.write(KEY, one)
    writer = threading.Thread(target=lambda: [storage.write(KEY, data) for data in (two, one) * 5])
    writer.start()
    seen = set()
    while writer.is_alive():
        seen.add(storage.read(KEY))
    writer.join()

    assert seen <= {one, two}


def test_a_bucket_that_does_not_exist_is_unavailable(s3_endpoint: str) -> None:
    storage = open_storage("s3://no-such-bucket-here", s3_client=s3_client(s3_endpoint))  # type: ignore[arg-type]

    with pytest.raises(ArtifactsUnavailable, match="NoSuchBucket"):
        storage.read(KEY)
    with pytest.raises(ArtifactsUnavailable):
        storage.write(KEY, b"x")


def test_a_server_that_does_not_answer_is_unavailable_and_the_sentence_has_no_credentials() -> None:
    storage = open_storage("s3://bucket", s3_client=s3_client("http://127.0.0.1:9"))  # type: ignore[arg-type]

    with pytest.raises(ArtifactsUnavailable, match="bucket did not answer") as caught:
        storage.read(KEY)
    assert caught.value.retryable


def test_a_folder_that_cannot_be_used_is_unavailable_and_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / "assets").write_text("a file where a folder must be")

    with pytest.raises(ArtifactsUnavailable):
        FolderStorage(tmp_path).write(KEY, b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["assets"]


def test_a_write_leaves_nothing_but_the_document(tmp_path: Path) -> None:
    FolderStorage(tmp_path).write(KEY, b"x")

    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()] == [KEY]


@pytest.mark.parametrize("url", ["/tmp/x", "http://h/x", "s3://", "file://host/x", "file:relative"])
def test_another_kind_of_address_is_refused(url: str) -> None:
    with pytest.raises(WrongUsage):
        open_storage(url)
