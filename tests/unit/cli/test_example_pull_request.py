"""The example that ships: the same on every machine, and its known defects are where `expected.json` says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from codegen_platform.cli.example import SOURCE, materialize_example
from codegen_platform.cli.targets import local_target
from codegen_platform.sandbox import git

_KNOWN = json.loads((SOURCE / "expected.json").read_text())
EXPECTED = [*_KNOWN["defects"], *_KNOWN["defects_for_a_model"]]


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    return materialize_example(tmp_path_factory.mktemp("home") / "example")


def test_the_commits_have_the_same_ids_everywhere_and_a_second_time(
    example: tuple[Path, str, str], tmp_path: Path
) -> None:
    assert materialize_example(tmp_path / "again")[1:] == example[1:]
    assert materialize_example(tmp_path / "again")[1:] == example[1:]
    # On another machine, git or Python the ids are still these; they change only with the files in examples/review.
    assert example[1] == "3b4ab20e29779373eee6b8fc868cc8663c4172a7"


def test_it_is_understood_as_a_target_without_options(example: tuple[Path, str, str]) -> None:
    folder, base, head = example

    target = local_target(folder)

    assert (target.base_ref, target.base_sha, target.head_sha) == ("main", base, head)
    assert target.head_ref == "rotate-signing-keys"


def test_every_known_defect_is_on_a_line_that_the_change_adds(example: tuple[Path, str, str]) -> None:
    folder, base, head = example
    repository = git.open_repository(folder)
    added = added_lines(git.diff(repository, base, head).patch.decode())

    assert len(EXPECTED) >= 8
    assert not [one for one in EXPECTED if one["line"] not in added[one["path"]]]


def test_the_key_and_the_hidden_characters_exist_only_in_what_was_made(example: tuple[Path, str, str]) -> None:
    key, hidden = re.compile(r"AKIA[A-Z2-7]{16}"), re.compile("[\u202a-\u202e\u2066-\u2069]")
    shipped = "".join(file.read_text() for file in SOURCE.rglob("*") if file.is_file())
    made = "".join((example[0] / one["path"]).read_text() for one in EXPECTED)

    assert not key.search(shipped)
    assert not hidden.search(shipped)
    assert key.search(made)
    assert hidden.search(made)
    assert "@@ACCESS" not in made


def test_code_of_others_ships_with_its_licence_and_origin() -> None:
    origin = (SOURCE / "base" / "ORIGIN.md").read_text()

    assert "BSD-3-Clause" in origin
    assert "MIT" in origin
    assert "Pallets" in (SOURCE / "base" / "python" / "LICENSE.txt").read_text()
    assert "Permission is hereby granted" in (SOURCE / "base" / "javascript" / "LICENSE").read_text()


def added_lines(patch: str) -> dict[str, set[int]]:
    added: dict[str, set[int]] = {}
    path, line = "", 0
    for text in patch.splitlines():
        if text.startswith("+++ b/"):
            path = text.removeprefix("+++ b/")
            added[path] = set()
        elif found := re.match(r"@@ -\S+ \+(\d+)", text):
            line = int(found[1])
        elif text.startswith("+"):
            added[path].add(line)
            line += 1
        elif text.startswith(" "):
            line += 1
    return added
