from __future__ import annotations

import dataclasses
from pathlib import Path
from uuid import UUID

import pytest

from codegen_platform.errors import WrongUsage
from codegen_platform.publishing.marker import Marked, MarkerKey, finding_marker, fingerprint_in
from codegen_platform.publishing.marker_secret import ensure_marker_secret

MARKED = Marked(
    effect_id=UUID("5b0e8c52-6f9b-4a7e-9d55-0d1f6a1f3c11"),
    forge="github",
    repository="octo/shop",
    number=7,
    head_sha="a" * 40,
)
KEY = MarkerKey(b"a secret of sixteen bytes or more")


def test_a_genuine_marker_is_found_wherever_it_stands() -> None:
    assert KEY.is_in(f"text\n\n{KEY.marker(MARKED)}\nmore", MARKED)


@pytest.mark.parametrize(
    "changed",
    [
        {"effect_id": UUID(int=1)},
        {"forge": "local"},
        {"repository": "octo/other"},
        {"number": 8},
        {"head_sha": "b" * 40},
    ],
)
def test_a_marker_copied_to_another_place_does_not_verify(changed: dict[str, object]) -> None:
    assert not KEY.is_in(KEY.marker(MARKED), dataclasses.replace(MARKED, **changed))


def test_a_marker_made_with_another_key_or_with_a_changed_digit_does_not_verify() -> None:
    marker = KEY.marker(MARKED)
    other = "0" if marker[-6] != "0" else "1"
    assert not KEY.is_in(MarkerKey(b"another secret of many bytes").marker(MARKED), MARKED)
    assert not KEY.is_in(marker[:-6] + other + marker[-5:], MARKED)


def test_a_genuine_marker_is_found_among_forged_ones() -> None:
    forged = MarkerKey(b"another secret of many bytes").marker(MARKED)
    assert KEY.is_in(forged * 50 + KEY.marker(MARKED), MARKED)


def test_a_finding_marker_counts_at_the_end_of_a_comment_only() -> None:
    marker = finding_marker("0123456789abcdef")
    assert fingerprint_in(f"text\n\n{marker}") == "0123456789abcdef"
    assert fingerprint_in(f"text\n\n{marker}\r\n") == "0123456789abcdef"
    assert fingerprint_in(f"{marker} said somebody else") is None


def test_the_secret_is_made_once_and_kept_to_its_owner(tmp_path: Path) -> None:
    first = ensure_marker_secret(tmp_path)
    assert ensure_marker_secret(tmp_path) == first
    file = tmp_path / "secrets" / "marker"
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]
    file.write_text("short")
    with pytest.raises(WrongUsage):
        ensure_marker_secret(tmp_path)
