"""The published schema of `.codegen-platform.yaml`: `CODEGEN_TEST_UPDATE=1 pytest` on this file writes it again."""

from __future__ import annotations

import os
import re
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from codegen_platform.changes.configuration import FEATURES, parse_instructions
from codegen_platform.changes.configuration_schema import Features, RepositoryConfiguration, schema, schema_text

DOCS = Path(__file__).parents[3] / "docs"
PUBLISHED = DOCS / "codegen-platform.schema.json"
VALID = jsonschema_rs.validator_for(schema())


def test_the_published_file_is_the_one_that_is_generated() -> None:
    if os.environ.get("CODEGEN_TEST_UPDATE"):
        PUBLISHED.write_text(schema_text(), encoding="utf-8")
    assert PUBLISHED.read_text(encoding="utf-8") == schema_text()


def test_the_page_names_every_key_and_its_example_is_valid() -> None:
    page = (DOCS / "repository-configuration.md").read_text()
    named = set(re.findall(r"^\| `([a-z_.]+)` \|", page, re.MULTILINE))
    features = {f"features.{name}" for name in Features.model_fields}
    assert named == (RepositoryConfiguration.model_fields.keys() - {"features"}) | features
    assert set(FEATURES) == set(Features.model_fields)
    for example in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL):
        assert VALID.is_valid(yaml.safe_load(example))
        assert parse_instructions(example).warnings == ()


@pytest.mark.parametrize(
    "text",
    [
        "ignore: [docs/**]",
        "ignore: docs/**",
        "severity_floor: high",
        "max_comments: 0",
        "guidelines: text",
        "guidelines: [one, two]",
        "features: {multi_language_support: false}",
        "ignore:",
        "ignor: [a]",
        "ignore: 3",
        "ignore: [1]",
        "ignore: ['']",
        "ignore: [' ']",
        "severity_floor: terrible",
        "max_comments: -1",
        "max_comments: 101",
        "max_comments: true",
        "max_comments: many",
        "guidelines: 7",
        "guidelines: [1]",
        "features: [a]",
        "features: {advanced_code_analysis: maybe}",
        "features: {unknown: true}",
        "[a, b]",
    ],
)
def test_an_editor_and_the_platform_find_the_same_mistakes(text: str) -> None:
    assert VALID.is_valid(yaml.safe_load(text)) == (parse_instructions(text).warnings == ())


def test_too_much_is_a_mistake_for_both() -> None:
    for found in ({"ignore": ["a"] * 201}, {"ignore": ["a" * 301]}, {"guidelines": "a" * 20_001}):
        assert not VALID.is_valid(found)
        assert parse_instructions(yaml.safe_dump(found)).warnings
