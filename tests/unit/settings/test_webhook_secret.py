"""The webhook secret: given, created once, or refused in production."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from codegen_platform.settings import WrongSetting, ensure_webhook_secret, load_settings


def test_a_given_secret_is_used_and_no_file_is_made(tmp_path: Path) -> None:
    settings = load_settings({"CODEGEN_HOME": str(tmp_path), "GITHUB_WEBHOOK_SECRET": "given"})

    assert ensure_webhook_secret(settings).get_secret_value() == "given"
    assert list(tmp_path.iterdir()) == []


def test_without_one_a_random_secret_is_kept_for_the_owner_only(tmp_path: Path) -> None:
    settings = load_settings({"CODEGEN_HOME": str(tmp_path)})

    first = ensure_webhook_secret(settings).get_secret_value()
    file = tmp_path / "secrets" / "webhook"

    assert len(first) == 64
    assert ensure_webhook_secret(settings).get_secret_value() == first
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_processes_that_start_together_agree_on_one_secret(tmp_path: Path) -> None:
    settings = load_settings({"CODEGEN_HOME": str(tmp_path)})

    with ThreadPoolExecutor(16) as pool:
        secrets = set(pool.map(lambda _: ensure_webhook_secret(settings).get_secret_value(), range(64)))

    assert len(secrets) == 1
    assert [path.name for path in (tmp_path / "secrets").iterdir()] == ["webhook"]


def test_production_refuses_to_make_one_up(tmp_path: Path) -> None:
    settings = load_settings({"CODEGEN_HOME": str(tmp_path), "CODEGEN_ENVIRONMENT": "production"})

    with pytest.raises(WrongSetting, match="GITHUB_WEBHOOK_SECRET"):
        ensure_webhook_secret(settings)
    assert not (tmp_path / "secrets").exists()


def test_an_emptied_file_is_named_instead_of_signing_with_nothing(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "webhook").write_text("\n")

    with pytest.raises(WrongSetting, match="holds no secret"):
        ensure_webhook_secret(load_settings({"CODEGEN_HOME": str(tmp_path)}))
