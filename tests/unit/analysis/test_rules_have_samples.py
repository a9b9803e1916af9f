"""Every rule is held against code that breaks it and code that does not; a rule without samples fails here."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from codegen_platform.analysis import AnalysisOptions
from codegen_platform.analysis.advice import advice_for, load_yaml
from codegen_platform.analysis.analysers.bandit import Bandit
from codegen_platform.analysis.analysers.ruff import Ruff
from codegen_platform.analysis.analysers.structure import StructuralRules
from codegen_platform.analysis.analysing import analyse_with
from codegen_platform.analysis.grammars import RULED
from codegen_platform.analysis.structural_rules import rules_for
from tests.unit.analysis.snapshots import changed, review, snapshot_of, sources_of

SAMPLES = Path(__file__).parent / "samples"
NAMES = {
    "python": "module.py",
    "javascript": "module.js",
    "typescript": "module.ts",
    "go": "module.go",
    "java": "Module.java",
    "rust": "module.rs",
    "c": "module.c",
    "ruff": "module.py",
    "bandit": "module.py",
}
GROUPS = sorted(NAMES)


@cache
def samples(group: str) -> dict[str, Any]:
    return yaml.safe_load((SAMPLES / f"{group}.yaml").read_text("utf-8"))


def rule_ids(group: str) -> set[str]:
    return {entry["id"] for entry in load_yaml(f"{group}.yaml")} if group in RULED else set(advice_for(group))


@cache
def found_in(group: str) -> dict[str, set[str]]:
    """Return path -> sources, for all samples of the group given to their analyser as one change."""
    files = [
        changed(path, text)
        for rule in samples(group)
        for kind in ("bad", "good")
        for path, text in sample_files(group, rule, kind)
    ]
    analyser = {"ruff": Ruff, "bandit": Bandit}.get(group, StructuralRules)()
    result = analyse_with((analyser,), snapshot_of(*files), options=AnalysisOptions())
    assert result.tools[0].error is None
    found: dict[str, set[str]] = {file.path: set() for file in files}
    for finding in result.findings:
        found[finding.path].add(finding.source)
    return found


def sample_files(group: str, rule: str, kind: str) -> list[tuple[str, str]]:
    """Return path and text of each sample; every sample has a folder of its own, so that paths differ."""
    files = []
    for number, sample in enumerate(samples(group)[rule][kind]):
        name, text = (sample["path"], sample["text"]) if isinstance(sample, dict) else (NAMES[group], sample)
        files.append((f"{rule}-{kind}{number}/{name}", text))
    return files


@pytest.mark.parametrize("group", GROUPS)
def test_every_rule_has_a_sample_that_breaks_it_and_one_that_does_not(group: str) -> None:
    assert set(samples(group)) == rule_ids(group)
    assert all(each["bad"] and each["good"] for each in samples(group).values())


@pytest.mark.parametrize(("group", "rule"), [(group, rule) for group in GROUPS for rule in sorted(rule_ids(group))])
def test_a_rule_finds_what_breaks_it_and_nothing_else(group: str, rule: str) -> None:
    source = f"rules:{rule}" if group in RULED else f"{group}:{rule}"
    found = found_in(group)

    missed = [text for path, text in sample_files(group, rule, "bad") if source not in found[path]]
    wrong = [text for path, text in sample_files(group, rule, "good") if source in found[path]]

    assert (missed, wrong) == ([], [])


@pytest.mark.parametrize("group", GROUPS)
def test_a_person_is_told_why_it_matters_and_what_to_do(group: str) -> None:
    for entry in load_yaml(f"{group}.yaml"):
        title = entry.get("title") or "the tool's own words"
        assert len(title) <= 90, title
        assert not title.endswith("."), title
        assert entry["body"].rstrip()[-1] in ".)", entry["body"]
        assert 40 <= len(entry["body"]) <= 400, entry["body"]


def test_no_two_structural_rules_share_an_id() -> None:
    ids = [entry["id"] for language in RULED for entry in load_yaml(f"{language}.yaml")]

    assert len(ids) == len(set(ids))


def test_typescript_obeys_the_rules_of_javascript_too() -> None:
    text = "const ok: boolean = Number(x) === NaN;\n"

    result = review(changed("a.ts", text), changed("b.tsx", text))

    assert sources_of(list(result.findings)) == {"rules:js-compared-with-nan"}
    assert {rule.id for rule in rules_for("javascript")} < {rule.id for rule in rules_for("tsx")}


def test_a_cpp_header_is_not_read_as_c() -> None:
    text = 'namespace a {\ninline bool f(std::string s) { return s == "yes"; }\n}\n'

    assert review(changed("include/a.h", text)).findings == ()


def test_a_rule_finds_the_same_whatever_was_read_before() -> None:
    files = [changed(path, text) for rule in samples("bandit") for path, text in sample_files("bandit", rule, "bad")]
    once, again = (analyse_with((Bandit(),), snapshot_of(*files), options=AnalysisOptions()) for _ in range(2))
    assert {finding.path for finding in once.findings} == {file.path for file in files}
    assert again.findings == once.findings
