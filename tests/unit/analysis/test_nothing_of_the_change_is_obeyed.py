"""What a pull request says to the tools, and the names it gives its files, change nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen_platform.analysis import AnalysisOptions
from codegen_platform.analysis.analysers import analysers_for
from codegen_platform.analysis.analysers.ruff import Ruff
from codegen_platform.analysis.analysing import analyse_with
from codegen_platform.analysis.ruff_process import command, write_files
from codegen_platform.analysis.sources import read_sources
from tests.unit.analysis.snapshots import changed, findings_in, review, snapshot_of, sources_of


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa",
        "# noqa: B006",
        "# ruff: noqa",
        "# flake8: noqa",
        "# nosec",
        "# type: ignore",
        "# fmt: skip",
        "# pragma: no cover",
    ],
)
def test_a_comment_does_not_silence_ruff(comment: str) -> None:
    text = f"{comment}\ndef f(x=[]):  {comment}\n    return x\n"

    assert sources_of(findings_in("src/a.py", text)) == {"ruff:B006"}


def test_a_ruff_range_suppression_does_not_silence_ruff() -> None:
    text = "# ruff: disable[B006]\ndef f(x=[]):\n    return x\n# ruff: enable[B006]\n"

    assert sources_of(findings_in("src/a.py", text)) == {"ruff:B006"}


@pytest.mark.parametrize("comment", ["# nosec", "# nosec B602", "#nosec", "# noqa: S602"])
def test_a_comment_does_not_silence_bandit(comment: str) -> None:
    text = f"import subprocess\n\n\ndef f(name):\n    subprocess.run('tar ' + name, shell=True)  {comment}\n"

    assert sources_of(findings_in("src/a.py", text)) == {"bandit:B602"}


@pytest.mark.parametrize(
    "comment", ["// eslint-disable-line", "// ast-grep-ignore", "// gitleaks:allow", "// @ts-ignore"]
)
def test_a_comment_does_not_silence_our_rules_or_the_search_for_secrets(comment: str) -> None:
    text = f"{comment}\nconst key = 'AKIA" + f"QYLPMN5HFIQR7XYA'; {comment}\nif (x === NaN) {{}} {comment}\n"

    assert sources_of(findings_in("src/a.ts", text)) == {"secrets:aws-access-token", "rules:js-compared-with-nan"}


def test_configuration_in_the_change_is_not_read() -> None:
    silencers = [
        changed("ruff.toml", "exclude = ['**']\n"),
        changed(".ruff.toml", "lint.ignore = ['ALL']\n"),
        changed("pyproject.toml", "[tool.ruff]\nexclude = ['**']\n[tool.bandit]\nskips = ['B602']\n"),
        changed(".bandit", "[bandit]\nskips: B602\n"),
        changed(".gitleaks.toml", "[allowlist]\npaths = ['.*']\n"),
        changed("sgconfig.yml", "ruleDirs: []\n"),
        changed(".gitignore", "*\n"),
    ]
    defect = changed(
        "src/a.py", "import subprocess\n\n\ndef f(n, x=[]):\n    subprocess.run('tar ' + n, shell=True)\n    return x\n"
    )

    assert sources_of(list(review(*silencers, defect).findings)) == {"ruff:B006", "bandit:B602"}


HOSTILE_NAMES = [
    "../../../../tmp/escaped.py",
    "/etc/cron.d/escaped.py",
    "--config=/etc/passwd.py",
    "a\x00b.py",
    "line\nbreak.py",
    "\ud800.py",
    "",
    "$(touch escaped).py",
    "x" * 5_000 + ".py",
    "CON.py",
    ".py",
    "\u202egpj.py",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_name_is_a_label_and_never_a_path(name: str, tmp_path: Path) -> None:
    file = changed(name, "def f(x=[]):\n    return x\n", language="python")

    result = analyse_with(
        (Ruff(folder=tmp_path), *analysers_for(AnalysisOptions())), snapshot_of(file), options=AnalysisOptions()
    )

    assert [tool.error for tool in result.tools] == [None] * 8
    assert [(finding.path, finding.source) for finding in result.findings] == [(name, "ruff:B006")]
    assert list(tmp_path.iterdir()) == []


def test_of_two_files_with_one_name_none_is_read() -> None:
    result = review(changed("src/a.py", "def f(x=[]):\n    return x\n"), changed("src/a.py", "y = 1\n"))

    assert result.findings == ()
    assert [(skip.path, skip.reason) for skip in result.skipped] == [("src/a.py", "ambiguous_name")]


def test_ruff_sees_made_up_names_only(tmp_path: Path) -> None:
    sources, _ = read_sources(
        snapshot_of(changed("secret/plan.py", "x = 1\n"), changed("b/__init__.py", "y = 1\n")), ignore=()
    )

    names = dict(write_files(sources, tmp_path))

    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.py")) == [
        "p00000/module.py",
        "p00001/__init__.py",
    ]
    assert list(names) == ["p00000", "p00001"]
    assert command(["B006"])[-2:] == ["--", "."]
