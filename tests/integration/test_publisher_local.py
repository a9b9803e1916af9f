from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from codegen_platform.artifacts import CodeReview
from codegen_platform.changes.keys import local_full_name
from codegen_platform.publishing.gate import GateOptions, compose
from codegen_platform.publishing.local_publication import LocalPublication
from codegen_platform.publishing.local_writer import LocalWriter
from codegen_platform.publishing.post import ReviewPost
from codegen_platform.publishing.publisher import Publisher
from codegen_platform.security.redaction import KnownSecrets
from codegen_platform.store import Store
from tests.integration.publisher_outbox import FAST, a_review, enqueue, finished, publishing, result_of

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with Store.open(database_url, max_size=4) as opened:
        yield opened


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / "a.py").write_text("x = 1\n")
    git(folder, "add", "a.py")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "--quiet", "-m", "one")
    return folder


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True).stdout


def registered(store: Store, checkout: Path, head_sha: str) -> CodeReview:
    name = local_full_name(checkout)
    repository = store.repositories.ensure("local", name, location=str(checkout))
    pull = store.repositories.save_local_pull_request(
        repository.id, "main", "change", "b" * 40, head_sha, "A change", "", "me"
    )
    return a_review(head_sha, number=pull.number, forge="local", repository=name, lines=(1, 2))


def test_a_local_review_is_a_file_in_the_home_and_adds_up(store: Store, tmp_path: Path, checkout: Path) -> None:
    head = git(checkout, "rev-parse", "HEAD").strip()
    effect = enqueue(store, registered(store, checkout, head))
    with publishing(store, NOWHERE, tmp_path / "home"):
        result = result_of(finished(store, effect.id))
    assert (result.state, result.posted, result.failed, result.reason) == ("posted", 2, 0, None)
    file = Path(result.url.removeprefix("file://"))
    assert file.parent.parent == tmp_path / "home" / "reviews"
    assert file.name == f"{head}.md"
    text = file.read_text()
    assert text.startswith("### Review of `")
    assert "#### `a.py` line 1" in text
    assert "<!--" not in text
    assert ReviewPost.from_bytes(file.with_suffix(".json").read_bytes()).commit_id == head
    assert git(checkout, "notes", "--ref=codegen-platform", "list") == ""


def test_writing_the_same_review_again_changes_nothing_and_leaves_no_drafts(tmp_path: Path) -> None:
    post = compose(a_review("a" * 40, forge="local", repository="_local/shop-12345678", task_id="t"))
    writer = LocalWriter(home=tmp_path)
    first, _ = writer.write(post)
    before = Path(first.remote_id).read_bytes()
    second, _ = writer.write(post)
    assert first == second
    assert Path(first.remote_id).read_bytes() == before
    assert sorted(path.suffix for path in Path(first.remote_id).parent.iterdir()) == [".json", ".md"]


@pytest.mark.parametrize("way", ["option", "repository setting"])
def test_a_git_note_is_written_on_request(
    store: Store, database_url: str, tmp_path: Path, checkout: Path, way: str
) -> None:
    head = git(checkout, "rev-parse", "HEAD").strip()
    review = registered(store, checkout, head)
    if way == "repository setting":
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("""UPDATE repositories SET settings = '{"notes": true}'""")
    effect = enqueue(store, review, options=GateOptions(note=way == "option"))
    with publishing(store, NOWHERE, tmp_path / "home"):
        assert finished(store, effect.id).state == "done"
    assert "### Review of `" in git(checkout, "notes", "--ref=codegen-platform", "show", head)


def test_a_note_that_cannot_be_written_does_not_undo_the_review(store: Store, tmp_path: Path, checkout: Path) -> None:
    effect = enqueue(store, registered(store, checkout, "c" * 40), options=GateOptions(note=True))
    shutil.rmtree(checkout)
    with publishing(store, NOWHERE, tmp_path / "home"):
        result = result_of(finished(store, effect.id))
    assert result.state == "posted"
    assert "git note could not be written" in (result.reason or "")


def test_a_head_that_was_registered_later_supersedes_the_review(store: Store, tmp_path: Path, checkout: Path) -> None:
    effect = enqueue(store, registered(store, checkout, "c" * 40))
    registered(store, checkout, "d" * 40)
    with publishing(store, NOWHERE, tmp_path / "home"):
        done = finished(store, effect.id)
    assert (done.state, result_of(done).state) == ("superseded", "superseded")
    assert not (tmp_path / "home" / "reviews").exists()


def test_a_home_that_cannot_be_written_to_is_tried_again(store: Store, tmp_path: Path, checkout: Path) -> None:
    home = tmp_path / "home"
    home.write_text("not a folder")
    effect = enqueue(store, registered(store, checkout, "c" * 40))
    with publishing(store, NOWHERE, home):
        while (store.effects.get(effect.id) or effect).attempt < 2:
            time.sleep(0.01)
        home.unlink()
        assert finished(store, effect.id).state == "done"


def test_without_a_write_token_a_github_review_is_kept_in_the_home_and_says_so(store: Store, tmp_path: Path) -> None:
    effect = enqueue(store, a_review("e" * 40))
    local = LocalPublication(store=store, writer=LocalWriter(home=tmp_path))
    publisher = Publisher(store, {"github": local, "local": local}, timings=FAST, secrets=KnownSecrets(()))
    publisher.drain(threading.Event())
    result = result_of(finished(store, effect.id))
    assert result.state == "posted"
    assert result.url.startswith("file://")
    assert "no GitHub token" in (result.reason or "")


def test_hostile_names_do_not_leave_the_folder_of_reviews(store: Store, tmp_path: Path) -> None:
    effect = enqueue(store, a_review("../../../evil", forge="local", repository="_local/x-1"))
    with publishing(store, NOWHERE, tmp_path / "home"):
        done = finished(store, effect.id)
    assert done.state == "dead"
    assert not list(tmp_path.rglob("evil*"))
