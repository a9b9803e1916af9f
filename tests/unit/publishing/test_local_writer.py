"""Reviews as files: a name that hides characters, or that a terminal would obey, is shown for what it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codegen_platform.artifacts import Outcome
from codegen_platform.publishing.local_writer import LocalWriter, as_markdown
from codegen_platform.publishing.post import PostComment, ReviewPost

NAMES = {
    "a\x1b[2Jb.py": r"a\x1b[2Jb.py",
    "a\x07b.py": r"a\x07b.py",
    "a\u202eyp.exe": r"a\u202eyp.exe",
    "a\u200bb.py": r"a\u200bb.py",
    "a\x9bb.py": r"a\x9bb.py",
    "a\rb.py": "a b.py",
    "a\nb.py": "a b.py",
    "a`b`.py": "a`b`.py",
    "src/größe.py": "src/größe.py",
}


def post(path: str) -> ReviewPost:
    comment = PostComment(path=path, line=3, body="Wrong.", fingerprint="0" * 16, instead="Wrong.")
    return ReviewPost(
        task_id="t",
        forge="local",
        repository="_local/shop-1",
        number=1,
        commit_id="a" * 40,
        outcome=Outcome.REVIEWED,
        body="One finding.",
        comments=(comment,),
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_a_review_file_hides_nothing(name: str, tmp_path: Path) -> None:
    review, _ = LocalWriter(home=tmp_path).write(post(name))

    text = Path(review.remote_id).read_text("utf-8")
    assert NAMES[name] in text
    assert name.isprintable() or name not in text
    assert all(character.isprintable() or character == "\n" for character in text)


@pytest.mark.parametrize("name", NAMES)
def test_the_file_for_programs_keeps_the_name_and_shows_it_as_escapes(name: str, tmp_path: Path) -> None:
    review, _ = LocalWriter(home=tmp_path).write(post(name))

    data = Path(review.remote_id).with_suffix(".json").read_bytes()
    assert json.loads(data)["comments"][0]["path"] == name
    assert data.decode("ascii").replace("\n", "").isprintable()


def test_a_backtick_in_a_name_does_not_end_the_code_span() -> None:
    assert "#### ``a`b`.py`` line 3" in as_markdown(post("a`b`.py"))
