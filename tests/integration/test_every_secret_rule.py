"""Every rule for secrets finds the credentials that it describes, and none of their stand-ins."""

from __future__ import annotations

import math
import random
import tomllib
from collections import Counter
from functools import cache
from typing import Any

import pytest
import re2

from codegen_platform.analysis.advice import load_yaml, read_rule_file
from codegen_platform.analysis.analysers.secrets import Secrets
from codegen_platform.analysis.secret_rules import secret_rules
from codegen_platform.analysis.sources import read_sources
from tests.unit.analysis.regex_samples import sample_of
from tests.unit.analysis.snapshots import changed, snapshot_of

PATHS = {
    "freemius-secret-key": "src/plugin.php",
    "hashicorp-tf-password": "deploy/main.tf",
    "kubernetes-secret-yaml": "deploy/secret.yaml",
    "nuget-config-password": "nuget.config",
}
SAMPLES = 5


@cache
def entries() -> dict[str, dict[str, Any]]:
    """Return id -> rule as published, for every rule that is used."""
    all_of_them = [*tomllib.loads(read_rule_file("gitleaks.toml"))["rules"], *load_yaml("secrets.yaml")["own"]]
    return {entry["id"]: entry for entry in all_of_them if entry["id"] in secret_rules().rules}


def entropy(text: str) -> float:
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


def group_of(entry: dict[str, Any], match: Any) -> int:
    """Return the group that is the secret."""
    if entry["id"] in load_yaml("secrets.yaml")["whole_match"]:
        return 0
    return int(entry.get("secretGroup") or next((n for n, part in enumerate(match.groups(), 1) if part), 0))


def credentials(entry: dict[str, Any]) -> list[str]:
    """Return random texts that the rule's own expression matches, as varied as it asks for, and not one of its templates."""
    pattern = re2.compile(entry["regex"])
    made: list[str] = []
    for seed in range(400):
        text = sample_of(entry["regex"], random.Random(f"{entry['id']} {seed}"))
        match = pattern.search(text)
        secret = match and match.group(group_of(entry, match))
        if secret and entropy(secret) >= entry.get("entropy", 0) and not any(c in secret for c in ("{", '""', "''")):
            made.append(text)
        if len(made) == SAMPLES:
            return made
    raise AssertionError(f"no credentials of {entry['id']} could be made")


def found_in(path: str, text: str) -> set[str]:
    """Return the rules that find something in an added file."""
    sources, _ = read_sources(snapshot_of(changed(path, text)), ignore=())
    return {claim.rule.removeprefix("secrets:") for claim in Secrets().run(sources).claims}


@pytest.mark.parametrize("name", sorted(entries()))
def test_a_rule_finds_the_credentials_that_it_describes(name: str) -> None:
    entry = entries()[name]
    keywords = " ".join(entry.get("keywords", ()))

    missed = [
        text
        for text in credentials(entry)
        if name not in found_in(PATHS.get(name, "src/settings.cfg"), f"# {keywords}\n{text}\n")
    ]

    assert missed == []


@pytest.mark.parametrize("name", sorted(entries()))
def test_a_rule_ignores_placeholders_of_credentials(name: str) -> None:
    entry = entries()[name]
    pattern = re2.compile(entry["regex"])
    text = credentials(entry)[0]
    match = pattern.search(text)
    first, end = match.span(group_of(entry, match))
    secret = text[first:end]
    head = secret[: max(4, len(secret) // 4)]

    for stand_in in (
        head + "x" * (len(secret) - len(head)),
        head + "0" * (len(secret) - len(head)),
        (head + "EXAMPLE" * len(secret))[: len(secret)],
        head + "...",
        "${" + name.upper().replace("-", "_") + "}",
        "<your-token-here>",
        "your-token-here",
        "placeholder_api_key",
    ):
        written = f"# {' '.join(entry.get('keywords', ()))}\n{text[:first]}{stand_in}{text[end:]}\n"
        assert found_in(PATHS.get(name, "src/settings.cfg"), written) == set(), written
